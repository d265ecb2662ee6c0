/** Small datasets and folders for the tests of this folder. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Dataset } from '../../../shared/data/dataset.ts';

export interface ToyImage {
  readonly label: number;
  readonly patient?: string;
  readonly site?: string;
}

/** 2×2 grey images; image i has pixels i, i+1, i+2, i+3 (modulo 256). */
export function toyDataset(images: readonly ToyImage[], classes = 2): Dataset {
  const sites = images.map(({ site }) => site);
  return {
    name: 'toy',
    count: images.length,
    height: 2,
    width: 2,
    channels: 1,
    pixels: Uint8Array.from(images.flatMap((_, i) => [i, i + 1, i + 2, i + 3])),
    labels: Int32Array.from(images, ({ label }) => label),
    classNames: Array.from({ length: classes }, (_, i) => `class ${String(i)}`),
    patients: images.map(({ patient }, i) => patient ?? `p${String(i)}`),
    ...(sites.every((site) => site !== undefined) && { sites }),
    synthetic: false,
  };
}

/** Runs `work` with a temporary folder that is removed afterwards. */
export async function withFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'consilium-test-'));
  try {
    await work(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}
