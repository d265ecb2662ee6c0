import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { scanCohort, writeManifest } from '../../../client/cohort/scan.ts';
import type { DataView, SamplesView } from '../../../client/ui/views.ts';
import { createRng, deriveSeed } from '../../../shared/rng.ts';
import { createPageWorld, type PagePerson, type PageWorld } from './page-world.ts';

let data: string;
let world: PageWorld;
let administrator: PagePerson;

/** Noise, so that the quality gate has nothing against it. */
async function image(path: string, seed: number): Promise<void> {
  const rng = createRng(deriveSeed('page test', seed));
  const pixels = Uint8Array.from({ length: 40 * 20 }, () => rng.integer(256));
  await sharp(pixels, { raw: { width: 40, height: 20, channels: 1 } })
    .png()
    .toFile(path);
}

beforeEach(async () => {
  data = mkdtempSync(join(tmpdir(), 'consilium-images-'));
  for (const label of ['ill', 'well']) {
    mkdirSync(join(data, label));
    for (let i = 0; i < 3; i++)
      await image(join(data, label, `mary-smith-${String(i)}.png`), i + label.length);
  }
  writeFileSync(join(data, 'well', 'john-doe.txt'), 'x');
  world = await createPageWorld({ data: `folder:${data}` });
  administrator = await world.person();
});
afterEach(async () => {
  await world.close();
  rmSync(data, { recursive: true });
});

const viewOf = async (person: PagePerson): Promise<DataView> =>
  (await person.ask('GET', '/api/data')).body as DataView;

const samplesOf = async (): Promise<SamplesView['groups']> =>
  ((await administrator.ask('GET', '/api/data/samples')).body as SamplesView).groups;

async function scanned(): Promise<DataView> {
  expect((await administrator.ask('POST', '/api/data/scan', { body: {} })).status).toBe(200);
  await vi.waitUntil(async () => !(await viewOf(administrator)).scan.isRunning, { timeout: 20_000 });
  return viewOf(administrator);
}

it('scans when it is told to, and shows classes and what is not used', async () => {
  expect(await viewOf(administrator)).toMatchObject({ manifest: null });
  expect(await samplesOf()).toEqual([]);
  const view = await scanned();
  expect(view.scan.problem).toBeNull();
  expect(view.manifest).toMatchObject({
    ...{ imageCount: 6, patientCount: 6, rejectedCount: 1, fileCount: 7 },
    classes: [
      { name: 'ill', images: 3 },
      { name: 'well', images: 3 },
    ],
    rejected: [{ file: 'well/john-doe.txt' }],
  });
});

it('gives pictures by number: no name of a file leaves with them', async () => {
  await scanned();
  const samples = await samplesOf();
  expect(samples.map(({ label, ids }) => [label, ids.length])).toEqual([
    ['ill', 3],
    ['well', 3],
  ]);
  expect(JSON.stringify(samples)).not.toContain('smith');
  const id = samples[0]?.ids[0] ?? '';
  const answer = await administrator.ask('GET', `/api/data/samples/${id}`);
  expect([answer.status, answer.headers['content-type'], answer.headers['cache-control']]).toEqual([
    200,
    'image/png',
    'no-store',
  ]);
  expect(await sharp(answer.bytes).metadata()).toMatchObject({ format: 'png', width: 128, height: 128 });
});

it.each([
  '..%2f..%2fsite.yaml',
  '%2e%2e/site.yaml',
  'well%2fmary-smith-0.png',
  '000000000000-1%00.png',
  '000000000000-0',
  `${'0'.repeat(12)}-9999`,
  '0-0',
])('answers %s with nothing of the disk', async (name) => {
  await scanned();
  const answer = await administrator.ask('GET', `/api/data/samples/${name}`);
  expect([400, 404]).toContain(answer.status);
  expect(answer.headers['content-type']).toContain('application/json');
});

it('reads nothing outside the folder of the data, whatever the manifest says', async () => {
  const manifest = await scanCohort(`folder:${data}`, { nowMs: 0 });
  const outside = join(world.folder.path, 'secret.png');
  await image(outside, 9);
  symlinkSync(outside, join(data, 'well', 'link.png'));
  for (const file of [`../${world.folder.path.split('/').at(-1) ?? ''}/secret.png`, 'well/link.png']) {
    const files = [{ file, bytes: 1, sha512: 'a'.repeat(128) }];
    const digest = `${file.length.toString(16).padStart(2, '0')}${'b'.repeat(126)}`;
    await writeManifest(world.folder.path, { ...manifest, files, digest });
    const samples = await samplesOf();
    const id = samples[0]?.ids[0] ?? '';
    expect(id).not.toBe('');
    const answer = await administrator.ask('GET', `/api/data/samples/${id}`);
    expect([answer.status, JSON.stringify(answer.body)]).toEqual([
      409,
      expect.stringContaining('not in the folder of the data'),
    ]);
  }
});

it('shows a viewer neither names of files nor images', async () => {
  await scanned();
  const viewer = await world.person('viewer');
  const view = await viewOf(viewer);
  expect((await viewer.ask('GET', '/api/data/samples')).status).toBe(403);
  expect(view.manifest).toMatchObject({ imageCount: 6, rejected: [{ file: null }] });
  expect(JSON.stringify(view)).not.toContain('john-doe');
});

it('says when the last scan was of other data, and when a scan fails', async () => {
  await writeManifest(world.folder.path, {
    ...(await scanCohort(`folder:${data}`, { nowMs: 0 })),
    source: 'folder:/elsewhere',
  });
  expect(await viewOf(administrator)).toMatchObject({
    problem: expect.stringContaining('the last scan was of folder:/elsewhere') as unknown,
  });
  expect(await samplesOf()).toEqual([]);
  rmSync(join(data, 'ill'), { recursive: true });
  expect((await scanned()).scan.problem).toContain('at least two');
});
