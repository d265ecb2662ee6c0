import { mkdirSync, mkdtempSync, rmSync, statSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readManifest } from '../../../client/cohort/scan.ts';
import { scanSite, type SiteScan } from '../../../client/cohort/scan-cache.ts';
import { systemClock } from '../../../shared/clock.ts';

let folder: string;
let data: string;
/** Decoded images of the last scan. */
let decoded = 0;
const MINUTE_MS = 60_000;

async function image(name: string, value: number): Promise<void> {
  const pixels = Buffer.from(Array.from({ length: 400 }, (_, i) => (i * (value + 1)) % 256));
  await sharp(pixels, { raw: { width: 20, height: 20, channels: 1 } })
    .png()
    .toFile(join(data, name));
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'consilium-scan-'));
  data = join(folder, 'data');
  for (const label of ['ill', 'well']) mkdirSync(join(data, label), { recursive: true });
  for (let i = 0; i < 3; i++) {
    await image(`ill/${String(i)}.png`, i);
    await image(`well/${String(i)}.png`, 10 + i);
  }
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

/** @param afterMs how much later than now: files have settled by then */
function scan(afterMs = MINUTE_MS, isFresh = false): Promise<SiteScan> {
  decoded = 0;
  return scanSite(folder, `folder:${data}`, {
    nowMs: systemClock.nowMs() + afterMs,
    isFresh,
    onProgress: ({ done }) => {
      decoded = Math.max(decoded, done);
    },
  });
}

it('reads no file twice, and gives the same manifest with another time', async () => {
  const first = await scan();
  expect([first.reused, decoded, first.manifest.imageCount]).toEqual([0, 6, 6]);
  const second = await scan(2 * MINUTE_MS);
  expect([second.reused, decoded]).toEqual([6, 0]);
  expect(second.manifest).toEqual({ ...first.manifest, time: second.manifest.time });
  expect(second.manifest.time).not.toBe(first.manifest.time);
  expect(await readManifest(folder)).toEqual(second.manifest);
  const fresh = await scan(MINUTE_MS, true);
  expect([fresh.reused, decoded, fresh.manifest.digest]).toEqual([0, 6, first.manifest.digest]);
});

it('sees a change that keeps length and time, a new file and one that is gone', async () => {
  const first = await scan();
  const file = join(data, 'ill', '0.png');
  const { mtime, atime, size } = statSync(file);
  writeFileSync(file, Buffer.alloc(size, 1));
  utimesSync(file, atime, mtime);
  const changed = await scan();
  expect([changed.reused, changed.manifest.rejected.map((one) => one.file)]).toEqual([5, ['ill/0.png']]);
  await image('well/3.png', 99);
  const added = await scan();
  expect([added.reused, added.manifest.imageCount, decoded]).toEqual([6, 6, 7]);
  rmSync(join(data, 'well', '3.png'));
  await image('ill/0.png', 0);
  const back = await scan();
  expect([back.reused, back.manifest.digest]).toEqual([5, first.manifest.digest]);
});

it('does not trust files that are so new that they may change unseen', async () => {
  await scan(0);
  expect((await scan()).reused).toBe(0);
  expect((await scan()).reused).toBe(6);
});

it('reads everything where the notes, or the manifest, are damaged', async () => {
  const first = await scan();
  truncateSync(join(folder, 'cohort-cache.json'), 10);
  expect([(await scan()).reused, decoded]).toEqual([0, 6]);
  writeFileSync(join(folder, 'cohort.json'), '{}');
  const again = await scan();
  expect([again.reused, decoded, again.manifest.digest]).toEqual([6, 6, first.manifest.digest]);
});
