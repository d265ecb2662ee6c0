import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as nativeOrt from 'onnxruntime-node';
import * as webOrt from 'onnxruntime-web';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { preprocess, selectExamples } from '../../../shared/data/preprocess.ts';
import { preprocessingSchema } from '../../../shared/data/preprocessing-schema.ts';
import { readModelFile } from '../../../shared/learning/graph/model-file.ts';
import { METRIC_NAMES } from '../../../shared/learning/metrics/evaluation.ts';
import { weightsDigest } from '../../../shared/learning/weights.ts';
import { openDataset } from '../../../simulations/datasets/open-dataset.ts';
import { OUTPUT_FILES } from '../../../simulations/train/outputs.ts';
import { CRASHING_PROGRAM, runConsilium, startConsilium, type Ended } from './run-consilium.ts';

const IMAGES = 160;
const SMALL = ['train', '--images', String(IMAGES), '--model', 'cnn', '--batch-size', '16'];
/** Many times longer than the test waits. */
const ENDLESS = [...SMALL, '--epochs', '100000'];

const root = mkdtempSync(join(tmpdir(), 'consilium-train-'));
afterAll(() => {
  rmSync(root, { recursive: true, force: true });
});

const estimate = z.strictObject({
  value: z.number().optional(),
  interval: z.strictObject({ low: z.number(), high: z.number() }).optional(),
});
const metricsSchema = z.looseObject({
  title: z.string(),
  dataset: z.looseObject({ synthetic: z.literal(true), classNames: z.array(z.string()).length(3) }),
  seeds: z
    .array(
      z.looseObject({
        seed: z.int(),
        bestEpoch: z.int().min(1).max(2),
        epochs: z.array(z.looseObject({ epoch: z.int(), loss: z.number() })).length(2),
        weightsDigest: z.string().regex(/^[0-9a-f]{128}$/),
        test: z.looseObject({
          exampleCount: z.int(),
          metrics: z.record(z.enum(METRIC_NAMES), estimate),
          confusion: z.array(z.array(z.int()).length(3)).length(3),
        }),
      }),
    )
    .length(2),
  summary: z.record(z.enum(METRIC_NAMES), z.looseObject({ count: z.int() })),
  model: z.strictObject({
    ...{ file: z.literal('model.onnx'), seed: z.int(), weightsDigest: z.string() },
    calibration: z.looseObject({ temperature: z.number().positive() }).optional(),
  }),
  stopped: z.literal(false),
});

/** Columns: seed, image, label, then probabilities. No name here needs quotes. */
function predictionsOf(folder: string, seed: number): { images: number[]; probabilities: number[][] } {
  const rows = readFileSync(join(folder, 'predictions.csv'), 'utf8')
    .trim()
    .split('\r\n')
    .slice(1)
    .map((line) => line.split(','))
    .filter(([first]) => first === String(seed));
  return {
    images: rows.map((row) => Number(row[1])),
    probabilities: rows.map((row) => row.slice(3).map(Number)),
  };
}

describe('consilium train, two seeds on phantoms', () => {
  const folder = join(root, 'run');
  let ended: Ended;
  let metrics: z.infer<typeof metricsSchema>;

  beforeAll(async () => {
    ended = await runConsilium(...SMALL, '--epochs', '2', '--seeds', '2', '--out', folder, '--json');
    expect(ended, ended.stderr).toMatchObject({ exit: 0 });
    metrics = metricsSchema.parse(JSON.parse(readFileSync(join(folder, 'metrics.json'), 'utf8')));
  }, 60_000);

  it('leaves every file, with metrics.json in its documented form', () => {
    expect(readdirSync(folder).sort()).toEqual(
      [...OUTPUT_FILES, 'layers-model', 'models', 'tensorboard'].sort(),
    );
    expect(readdirSync(join(folder, 'models'))).toEqual(['seed-0.onnx', 'seed-1.onnx']);
    expect(metrics.seeds.map(({ seed }) => seed)).toEqual([0, 1]);
    expect(metrics.summary.accuracy['count']).toBe(2);
  });

  it('prints on standard output nothing but the JSON, and progress on standard error', () => {
    const printed = z.looseObject({ seeds: z.array(z.looseObject({ weightsDigest: z.string() })) });
    const { seeds } = printed.parse(JSON.parse(ended.stdout));
    expect(seeds.map((seed) => seed.weightsDigest)).toEqual(metrics.seeds.map((seed) => seed.weightsDigest));
    expect(ended.stderr).toMatch(/seed 1, epoch 2\/2: loss/);
    expect(ended.stderr).toContain('synthetic');
  });

  it('says what the figures depend on', () => {
    const environment: unknown = JSON.parse(readFileSync(join(folder, 'environment.json'), 'utf8'));
    expect(environment).toMatchObject({ node: process.version, engine: 'onnx', consilium: '0.1.0' });
  });

  it('makes a report that requests nothing and runs no script', () => {
    const report = readFileSync(join(folder, 'report.html'), 'utf8');
    expect(report).toContain('<svg');
    expect(report).not.toMatch(/<script|<link|@import|href="(?!#)|src="(?!data:image\/png;base64,)/);
    expect(report).toMatch(/<img alt="[^"]+" src="data:image\/png/);
  });

  it('exports a model that two runtimes run with the same probabilities', async () => {
    const bytes = readFileSync(join(folder, 'model.onnx'));
    const file = readModelFile(bytes);
    expect(weightsDigest(file.weights)).toBe(metrics.model.weightsDigest);
    expect(file.description.classNames).toEqual(metrics.dataset.classNames);

    const { dataset } = await openDataset('phantoms', { count: IMAGES });
    const { images, probabilities } = predictionsOf(folder, metrics.model.seed);
    const options = preprocessingSchema.parse(file.description.preprocessing);
    const test = selectExamples(await preprocess(dataset, options), images);
    const dims = [test.count, ...test.imageDims];
    const native = await nativeOrt.InferenceSession.create(bytes);
    const byNative = await native.run({ images: new nativeOrt.Tensor('float32', test.images, dims) });
    const web = await webOrt.InferenceSession.create(bytes, { executionProviders: ['wasm'] });
    const byWeb = await web.run({ images: new webOrt.Tensor('float32', test.images, dims) });
    for (const output of [byNative['probabilities'], byWeb['probabilities']]) {
      const values = Array.from(z.instanceof(Float32Array).parse(output?.data));
      expect(values).toHaveLength(images.length * 3);
      probabilities.flat().forEach((expected, i) => {
        expect(Math.abs((values[i] ?? NaN) - expected)).toBeLessThan(1e-5);
      });
    }
    await native.release();
    await web.release();
  });

  it('does not write over results unless it is told to', async () => {
    const again = [...SMALL, '--epochs', '1', '--out', folder];
    const refused = await runConsilium(...again);
    expect(refused.exit).toBe(2);
    expect(refused.stderr).toMatch(/is not empty.*--force/);
    writeFileSync(join(folder, 'notes.txt'), 'of the user');
    const forced = await runConsilium(...again, '--force', '--quiet');
    expect(forced).toMatchObject({ exit: 0, stderr: '' });
    expect(readdirSync(folder).sort()).toEqual(
      [...OUTPUT_FILES, 'layers-model', 'notes.txt', 'tensorboard'].sort(),
    );
  }, 60_000);
});

describe('input that cannot be used', () => {
  it.each([
    [['train', '--epochs', '0'], /--epochs/],
    [['train', '--dataset', 'npz:/no/such.npz', '--out', join(root, 'b')], /such\.npz/],
    [['trian'], /unknown command/],
  ])('%j ends with code 2 and says what to do', { timeout: 60_000 }, async (args, message) => {
    const { exit, stderr, stdout } = await runConsilium(...args);
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/\n {4}at /);
    expect({ exit, stdout }).toEqual({ exit: 2, stdout: '' });
  });
});

describe('the end in the middle of a training', () => {
  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)(
    '%s: results so far are kept, the exit code is %i, nothing aborts',
    { timeout: 60_000 },
    async (signal, code) => {
      const folder = join(root, signal);
      const running = startConsilium([...ENDLESS, '--seeds', '2', '--out', folder]);
      await running.seen(/seed 0, epoch 1\//);
      running.child.kill(signal);
      const { exit, stderr } = await running.ended;
      expect({ exit, stderr }).toMatchObject({ exit: code });
      expect(stderr).toMatch(/Training was stopped before its end: seed 0 has \d+ of 100000 epochs/);
      expect(stderr).toContain(`The results so far are kept in ${folder}.`);
      expect(stderr).not.toMatch(/abort|core dumped|terminate called/i);
      expect(JSON.parse(readFileSync(join(folder, 'metrics.json'), 'utf8'))).toMatchObject({ stopped: true });
    },
  );

  it('an error that nobody caught: its message, an idle end, code 1', { timeout: 60_000 }, async () => {
    const folder = join(root, 'crash');
    const running = startConsilium([...ENDLESS, '--out', folder], CRASHING_PROGRAM);
    await running.seen(/seed 0, epoch 1\//);
    running.child.send('now');
    const { exit, stderr } = await running.ended;
    expect({ exit, stderr }).toMatchObject({ exit: 1 });
    expect(stderr).toContain('planted bug');
    expect(stderr).not.toMatch(/abort|core dumped|terminate called/i);
  });
});
