/**
 * The blocked graphs with blocks of 8 channels, which this machine's processor may not have: a processor without AVX-512
 * is emulated (qemu's user mode), and every gradient compared with the standard graph's.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Batch, CompileOptions } from '../../shared/learning/engines/engine.ts';
import { openNativeEngine } from '../../shared/learning/engines/onnx-native.ts';
import {
  selfCheckBatch,
  selfCheckModel,
  selfCheckOptions,
  selfCheckWeights,
} from '../../shared/learning/engines/self-check-model.ts';
import { relativeError } from '../../shared/learning/engines/self-check.ts';
import { writeOnnx } from '../../shared/learning/graph/onnx-file.ts';
import type { Model } from '../../shared/learning/graph/types.ts';
import { lower } from '../../shared/learning/lower/lower.ts';
import { STANDARD_TARGET } from '../../shared/learning/lower/target.ts';
import { gradientName, maskName, trainingGraph } from '../../shared/learning/training-graph.ts';
import { initialWeights, manifestOf, sizeOf } from '../../shared/learning/weights.ts';
import { createRng, deriveSeed } from '../../shared/rng.ts';
import { batchNormCnn, groupNormResnet, hardSwishMobile } from './contract-models.ts';

const EMULATOR = 'qemu-x86_64';
/** Has AVX2 and no AVX-512: blocks of 8 channels. */
const PROCESSOR = 'Haswell';
const TIMEOUT_MS = 120_000;
const hasEmulator = process.arch === 'x64' && spawnSync(EMULATOR, ['--version']).status === 0;

interface Case {
  readonly name: string;
  readonly model: Model;
  readonly weights: Float32Array;
  readonly batch: Batch;
  readonly options: CompileOptions;
}

function seededCase(name: string, model: Model): Case {
  const rng = createRng(deriveSeed('emulation', name));
  const batchSize = 2;
  const images = Float32Array.from({ length: batchSize * sizeOf(model.imageDims) }, () => rng.uniform());
  const targets = Float32Array.from([1, 0, 0, 0, 1, 0]);
  const batch = { images, targets, sampleWeights: Float32Array.from([0.5, 0.5]) };
  return { name, model, weights: initialWeights(model, 3), batch, options: { batchSize, loss: 'softmax' } };
}

const cases: readonly Case[] = [
  {
    name: 'the self-check model',
    model: selfCheckModel(),
    weights: selfCheckWeights(),
    batch: selfCheckBatch(),
    options: selfCheckOptions,
  },
  seededCase('a cnn with BatchNorm', batchNormCnn()),
  seededCase('a resnet with GroupNorm', groupNormResnet()),
  seededCase('a mobile net', hardSwishMobile()),
];

const base64 = (values: Float32Array): string =>
  Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('base64');

function floats(text: string): Float32Array {
  return new Float32Array(Uint8Array.from(Buffer.from(text, 'base64')).buffer);
}

/** The lowered graph and all of its inputs, as `emulated-session.mjs` reads them. */
function describeCase({ model, weights, batch, options }: Case) {
  const training = trainingGraph(model, options);
  const graph = lower(training.graph, { ...STANDARD_TARGET, blockSize: 8 });
  const dims = new Map(graph.inputs.map((input) => [input.name, input.dims.map(Number)]));
  const values = new Map<string, Float32Array>([
    ['images', batch.images],
    ['targets', batch.targets],
    ['sampleWeights', batch.sampleWeights],
  ]);
  let offset = 0;
  training.dropoutMasks.forEach(({ length }, index) => {
    const end = offset + length * options.batchSize;
    values.set(maskName(index), batch.dropoutMasks?.slice(offset, end) ?? new Float32Array());
    offset = end;
  });
  for (const entry of manifestOf(model).entries) {
    values.set(entry.name, weights.subarray(entry.offset, entry.offset + entry.length));
  }
  const inputs = [...values]
    .filter(([name]) => dims.has(name))
    .map(([name, data]) => [name, { dims: dims.get(name), data: base64(data) }] as const);
  return {
    graph: Buffer.from(writeOnnx(graph)).toString('base64'),
    isBlocked: graph.nodes.some((node) => node.domain === 'com.microsoft.nchwc'),
    inputs: Object.fromEntries(inputs),
  };
}

function emulate(args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(EMULATOR, ['-cpu', PROCESSOR, process.execPath, ...args], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, NODE_OPTIONS: '' },
    });
    let errors = '';
    child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve(errors);
      else reject(new Error(`the emulated process ended with ${String(code)}: ${errors.slice(-2000)}`));
    });
  });
}

describe.skipIf(!hasEmulator)(`blocks of 8 channels (skipped without ${EMULATOR} on x64)`, () => {
  const described = cases.map(describeCase);
  let folder = '';
  let results: readonly Readonly<Record<string, string>>[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'consilium-emulation-'));
    const [graphs, answers] = [join(folder, 'graphs.json'), join(folder, 'results.json')];
    await writeFile(graphs, JSON.stringify(described));
    await emulate([fileURLToPath(new URL('./emulated-session.mjs', import.meta.url)), graphs, answers]);
    const text = await readFile(answers, 'utf8');
    results = z.array(z.record(z.string(), z.string())).parse(JSON.parse(text));
  }, TIMEOUT_MS);

  afterAll(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  it.each(cases.map(({ name }, index) => [name, index] as const))(
    '%s: the standard gradients',
    async (_, index) => {
      const subject = cases[index];
      const result = results[index];
      if (subject === undefined || result === undefined) throw new Error('the case has no result');
      expect(described[index]?.isBlocked).toBe(true);
      const reference = await openNativeEngine({ target: STANDARD_TARGET });
      const compiled = await reference.compile(subject.model, subject.options);
      const gradients = new Float32Array(subject.weights.length);
      const { loss } = await compiled.gradients(subject.weights, subject.batch, gradients);
      await compiled.dispose();
      expect(floats(result['loss'] ?? '')[0]).toBeCloseTo(loss, 5);
      const errors = manifestOf(subject.model)
        .entries.filter(({ trainable }) => trainable)
        .map(({ name, offset, length }) => {
          const expected = gradients.subarray(offset, offset + length);
          return relativeError(floats(result[gradientName(name)] ?? ''), expected);
        });
      expect(errors.length).toBeGreaterThan(0);
      expect(Math.max(...errors)).toBeLessThan(1e-4);
    },
    TIMEOUT_MS,
  );
});
