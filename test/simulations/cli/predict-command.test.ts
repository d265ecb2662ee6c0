import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { writeNpz } from '../../../shared/data/npz.ts';
import { makePhantoms } from '../../../shared/data/phantoms.ts';
import { encodePng } from '../../../shared/data/png.ts';
import { imageAt } from '../../../shared/data/preprocess.ts';
import { CARD_FILES } from '../../../simulations/card/write-card.ts';
import { runConsilium, startConsilium } from './run-consilium.ts';

const IMAGES = 240;
const root = mkdtempSync(join(tmpdir(), 'consilium-predict-'));
const run = join(root, 'run');
const pictures = join(root, 'pictures');
afterAll(() => {
  rmSync(root, { recursive: true, force: true });
});

const answersSchema = z.looseObject({
  model: z.looseObject({ temperature: z.number(), calibrated: z.literal(true), dataset: z.string() }),
  predictions: z.array(
    z.looseObject({
      image: z.string(),
      probabilities: z.record(z.string(), z.number()).optional(),
      spread: z.record(z.string(), z.number()).optional(),
      abstained: z.boolean().optional(),
      heatmap: z.string().optional(),
      error: z.string().optional(),
    }),
  ),
});

beforeAll(async () => {
  const train = ['train', '--images', String(IMAGES), '--epochs', '2', '--batch-size', '16', '--quiet'];
  const ended = await runConsilium(...train, '--out', run);
  expect(ended, ended.stderr).toMatchObject({ exit: 0 });
  const dataset = makePhantoms({ count: IMAGES, seed: 0 });
  mkdirSync(join(pictures, 'more'), { recursive: true });
  writeFileSync(join(pictures, 'one.png'), await encodePng(imageAt(dataset, 0)));
  writeFileSync(join(pictures, 'more', 'two.png'), await encodePng(imageAt(dataset, 1)));
  writeFileSync(join(pictures, 'broken.png'), 'no image');
  const { pixels } = dataset;
  if (!(pixels instanceof Uint8Array)) throw new TypeError('phantoms have 8 bits');
  await writeNpz(
    join(root, 'all.npz'),
    new Map([['images', { kind: 'numeric', dtype: 'u1', shape: [IMAGES, 28, 28], data: pixels }]]),
  );
}, 120_000);

/** Columns: seed, image, label, then probabilities. */
function testPredictions(): { image: number; probabilities: number[] }[] {
  const lines = readFileSync(join(run, 'predictions.csv'), 'utf8').trim().split('\r\n').slice(1);
  return lines.map((line) => {
    const cells = line.split(',');
    return { image: Number(cells[1]), probabilities: cells.slice(3).map(Number) };
  });
}

describe('consilium predict', () => {
  it('says of test images what the training said, tempered', { timeout: 60_000 }, async () => {
    const ended = await runConsilium('predict', join(root, 'all.npz'), '--model', run, '--format', 'json');
    expect(ended, ended.stderr).toMatchObject({ exit: 0 });
    const { model, predictions } = answersSchema.parse(JSON.parse(ended.stdout));
    expect(predictions).toHaveLength(IMAGES);
    for (const { image, probabilities } of testPredictions()) {
      const tempered = probabilities.map((p) => p ** (1 / model.temperature));
      const total = tempered.reduce((a, b) => a + b, 0);
      const said = Object.values(predictions[image]?.probabilities ?? {});
      said.forEach((p, c) => {
        expect(Math.abs(p - (tempered[c] ?? NaN) / total)).toBeLessThan(1e-4);
      });
      expect(said).toHaveLength(3);
    }
  });

  it(
    'of a folder: spread, abstention, heat maps, and images that cannot be used',
    { timeout: 60_000 },
    async () => {
      const maps = join(root, 'maps');
      const flags = ['--augment', '4', '--abstain', '1', '--heatmap', maps, '--format', 'json'];
      const ended = await runConsilium('predict', pictures, '--model', join(run, 'model.onnx'), ...flags);
      expect(ended.exit).toBe(2);
      expect(ended.stderr).toContain('1 of 3 images could not be used');
      const { predictions } = answersSchema.parse(JSON.parse(ended.stdout));
      expect(predictions.map(({ image }) => basename(image))).toEqual(['broken.png', 'two.png', 'one.png']);
      expect(predictions[0]?.error).toMatch(/broken\.png: not a PNG/);
      expect(predictions[1]).toMatchObject({ label: null, abstained: true });
      expect(Object.values(predictions[1]?.spread ?? {})).toHaveLength(3);
      expect(readdirSync(maps)).toEqual(predictions.slice(1).map(({ heatmap = '' }) => basename(heatmap)));
      expect(
        readFileSync(predictions[1]?.heatmap ?? '')
          .subarray(1, 4)
          .toString(),
      ).toBe('PNG');
    },
  );

  it('as a table, and as CSV in a file', { timeout: 60_000 }, async () => {
    const image = join(pictures, 'one.png');
    const table = await runConsilium('predict', image, '--model', run);
    expect(table.stdout).toMatch(/one\.png {2}(normal|nodule|effusion) +\S+ \d+\.\d %, \S+ \d+\.\d %, /);
    const out = join(root, 'answers.csv');
    const csv = await runConsilium('predict', image, '--model', run, '--format', 'csv', '--out', out);
    expect(csv).toMatchObject({ exit: 0, stdout: '' });
    const [header, row, end] = readFileSync(out, 'utf8').split('\r\n');
    expect(header).toBe('image,label,confidence,abstained,p(normal),p(nodule),p(effusion),error');
    expect(row?.split(',')).toHaveLength(8);
    expect(end).toBe('');
  });

  it('--serve answers until it is stopped', { timeout: 60_000 }, async () => {
    const running = startConsilium(['predict', '--model', run, '--serve', '0']);
    const text = await running.seen(/http:\/\/127\.0\.0\.1:\d+/);
    const url = /http:\/\/127\.0\.0\.1:\d+/.exec(text)?.[0] ?? '';
    const response = await fetch(`${url}/predict`, {
      method: 'POST',
      headers: { 'content-type': 'image/png' },
      body: new Uint8Array(readFileSync(join(pictures, 'one.png'))),
    });
    expect(response.status).toBe(200);
    running.child.kill('SIGINT');
    expect((await running.ended).exit).toBe(130);
  });

  it.each([
    [['predict', '--model', run], /no image is given/],
    [['predict', pictures, '--model', run, '--abstain', '2'], /--abstain/],
    [
      ['explain', pictures, '--model', run, '--out', join(root, 'x'), '--class', 'cat'],
      /normal, nodule, effusion/,
    ],
  ])('%j is refused with code 2', { timeout: 60_000 }, async (args, message) => {
    const { exit, stderr } = await runConsilium(...args);
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/\n {4}at /);
    expect(exit).toBe(2);
  });
});

it('consilium explain writes a picture for every method, checked', { timeout: 60_000 }, async () => {
  const out = join(root, 'explained');
  const image = join(pictures, 'one.png');
  const flags = ['--out', out, '--method', 'all', '--class', 'nodule', '--check', '--json'];
  const ended = await runConsilium('explain', image, '--model', run, ...flags);
  expect(ended, ended.stderr).toMatchObject({ exit: 0 });
  const record = z.looseObject({
    label: z.literal('nodule'),
    method: z.string(),
    randomisedCorrelation: z.number(),
  });
  const written = z.array(record).parse(JSON.parse(ended.stdout));
  expect(written.map(({ method }) => method)).toEqual([
    ...['gradcam', 'gradcam++', 'integrated-gradients', 'occlusion'],
  ]);
  expect(readdirSync(out)).toHaveLength(4);
});

it('consilium card says what the run says, and what people add', { timeout: 60_000 }, async () => {
  const ended = await runConsilium('card', run, '--licence', 'CC BY 4.0', '--json');
  expect(ended, ended.stderr).toMatchObject({ exit: 0 });
  expect(JSON.parse(ended.stdout)).toMatchObject({ licence: 'CC BY 4.0', data: { synthetic: true } });
  for (const file of CARD_FILES) expect(readFileSync(join(run, file), 'utf8')).toContain('CC BY 4.0');
});
