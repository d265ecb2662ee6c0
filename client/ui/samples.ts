/**
 * A few of the site's own images, small, for a look at what is trained on. They are made when they are asked for and go
 * to the page on this machine only. They have numbers and no names: which file a number means is known here alone.
 */
import { realpath } from 'node:fs/promises';
import { dirname, extname, join, relative, resolve, sep } from 'node:path';
import { openLocal } from '../../shared/data/open-local.ts';
import type { Dataset } from '../../shared/data/dataset.ts';
import { IMAGE_EXTENSIONS, readImageFile } from '../../shared/data/image-file.ts';
import { encodePng } from '../../shared/data/png.ts';
import { imageAt } from '../../shared/data/preprocess.ts';
import { resizeImage, type RawImage } from '../../shared/data/resize.ts';
import { DataError } from '../../shared/errors.ts';
import type { CohortManifest } from '../cohort/scan.ts';

/** Side in pixels. */
const SIDE = 128;
const PER_CLASS = 8;
const GEOMETRY = { height: SIDE, width: SIDE, fit: 'pad' } as const;

export interface SampleGroup {
  readonly label: string;
  readonly ids: readonly string[];
}

interface Sample {
  readonly label: string;
  read(): Promise<RawImage>;
}

/** `spread([0…99], 4)` → 0, 25, 50, 75: the same images every time, from all over. */
function spread<T>(items: readonly T[], count: number): readonly T[] {
  if (items.length <= count) return items;
  return Array.from({ length: count }, (_, i) => items[Math.floor((i * items.length) / count)]).flatMap(
    (item) => (item === undefined ? [] : [item]),
  );
}

export class Samples {
  #digest = '';
  #samples: Promise<ReadonlyMap<string, Sample>> = Promise.resolve(new Map());

  /** Of the cohort that was scanned last. */
  async groups(manifest: CohortManifest): Promise<readonly SampleGroup[]> {
    const samples = await this.#of(manifest);
    const groups = new Map<string, string[]>();
    for (const [id, { label }] of samples) groups.set(label, [...(groups.get(label) ?? []), id]);
    return [...groups].map(([label, ids]) => ({ label, ids }));
  }

  /** PNG; undefined for a number that is none. @throws DataError when the image cannot be read any more */
  async picture(manifest: CohortManifest, id: string): Promise<Uint8Array | undefined> {
    const sample = (await this.#of(manifest)).get(id);
    return sample && encodePng(await sample.read());
  }

  #of(manifest: CohortManifest): Promise<ReadonlyMap<string, Sample>> {
    if (this.#digest !== manifest.digest) {
      this.#digest = manifest.digest;
      this.#samples = samplesOf(manifest).then(
        (samples) =>
          new Map(samples.map((sample, i) => [`${manifest.digest.slice(0, 12)}-${String(i)}`, sample])),
      );
      // Asked again, it is tried again.
      this.#samples.catch(() => {
        this.#digest = '';
      });
    }
    return this.#samples;
  }
}

async function samplesOf(manifest: CohortManifest): Promise<readonly Sample[]> {
  const [, kind, path = ''] = /^([a-z]+):(.+)$/.exec(manifest.source) ?? [];
  if (kind === 'folder') return fileSamples(resolve(path), manifest, (file) => file.split(sep)[0] ?? '');
  // Which class a file has stands in the table, which is not read again for a look.
  if (kind === 'table') return fileSamples(dirname(resolve(path)), manifest, () => 'images of the table');
  return memorySamples((await openLocal(manifest.source)).dataset);
}

function fileSamples(
  base: string,
  { files, rejected }: CohortManifest,
  labelOf: (file: string) => string,
): readonly Sample[] {
  const unused = new Set(rejected.map(({ file }) => file));
  const byLabel = new Map<string, string[]>();
  for (const { file } of files) {
    if (unused.has(file) || !IMAGE_EXTENSIONS.includes(extname(file).toLowerCase())) continue;
    const label = labelOf(file);
    byLabel.set(label, [...(byLabel.get(label) ?? []), file]);
  }
  return [...byLabel].flatMap(([label, names]) =>
    spread(names, PER_CLASS).map((file) => ({ label, read: () => readBelow(base, file) })),
  );
}

/** The manifest is a file that somebody may have changed: nothing outside the data's folder is read. */
async function readBelow(base: string, file: string): Promise<RawImage> {
  const inside = relative(await realpath(base), await realpath(join(base, file)));
  if (inside.startsWith('..') || resolve(inside) === inside)
    throw new DataError('an image of the manifest is not in the folder of the data; scan again');
  return readImageFile(join(base, file), { bits: 8, geometry: GEOMETRY });
}

function memorySamples(dataset: Dataset): readonly Sample[] {
  const { classNames, labels } = dataset;
  return classNames.flatMap((label, c) => {
    const indices = Array.from(labels.keys()).filter((i) => labels[i] === c);
    return spread(indices, PER_CLASS).map((i) => ({
      label,
      read: () => resizeImage(imageAt(dataset, i), GEOMETRY),
    }));
  });
}
