/**
 * The files that we write, judged by the official checker and run by ONNX Runtime in Python. Skipped where the
 * interpreter of config.ts has no onnx, onnxruntime and numpy.
 */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { architectureSchema, buildModel } from '../../shared/learning/architectures/architecture.ts';
import type { CompileOptions } from '../../shared/learning/engines/engine.ts';
import { openNativeEngine } from '../../shared/learning/engines/onnx-native.ts';
import { writeModel } from '../../shared/learning/graph/model-file.ts';
import { writeOnnx } from '../../shared/learning/graph/onnx-file.ts';
import type { Graph, Model } from '../../shared/learning/graph/types.ts';
import { lower } from '../../shared/learning/lower/lower.ts';
import { STANDARD_TARGET } from '../../shared/learning/lower/target.ts';
import { trainingGraph } from '../../shared/learning/training-graph.ts';
import { initialWeights, manifestOf, sizeOf } from '../../shared/learning/weights.ts';
import { createRng, deriveSeed } from '../../shared/rng.ts';
import { runOnnx } from '../reference/onnx-runner.ts';
import { at } from '../reference/tensor64.ts';
import { CASES } from '../shared/learning/ops/cases.ts';
import { modelOf, weightsOf } from '../shared/learning/ops/gradient-case.ts';
import { findPython } from './config.ts';

const python = findPython('onnx', 'onnxruntime', 'numpy');
const IMAGE = [3, 12, 12] as const;
const CLASSES = 4;
const BATCH = 5;

interface Case {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly inputs: ReadonlyMap<string, { readonly dims: readonly number[]; readonly data: Float32Array }>;
}

const answers = z.array(z.record(z.string(), z.array(z.number())));

/** The outputs of every case in Python; fails when the checker refuses a file. */
function runInPython(cases: readonly Case[]): z.infer<typeof answers> {
  const script = fileURLToPath(new URL('check_onnx.py', import.meta.url));
  const input = cases.map(({ bytes, inputs }) => ({
    model: Buffer.from(bytes).toString('base64'),
    inputs: Object.fromEntries(
      [...inputs].map(([name, { dims, data }]) => [name, { dims, data: [...data] }]),
    ),
  }));
  const output = execFileSync(python.executable, [script], {
    input: JSON.stringify(input),
    maxBuffer: 1 << 28,
    timeout: 120_000,
  });
  return answers.parse(JSON.parse(output.toString('utf8')));
}

/** Largest difference over the largest value. */
function expectSame(what: string, actual: ArrayLike<number>, expected: readonly number[]): void {
  expect(actual.length, what).toBe(expected.length);
  const size = Math.max(1e-2, ...expected.map(Math.abs));
  const error = Math.max(...expected.map((value, i) => Math.abs(at(actual, i) - value)));
  expect(error / size, what).toBeLessThan(1e-5);
}

const MODELS: readonly (readonly [string, Model])[] = (
  [
    ['cnn', {}],
    ['cnn', { filters: [8, 16], dropout: 0.3, normalization: 'batch', head: 'mean' }],
    ['cnn', { filters: [12], normalization: 'group', dense: 0 }],
    ['resnet', {}],
    ['resnet', { widths: [8, 16], normalization: 'batch' }],
    ['mobile', {}],
    ['mobile', { widths: [8, 16], activation: 'hardswish', normalization: 'batch', dropout: 0.2 }],
  ] as const
).map(([name, options]) => [
  `${name} ${JSON.stringify(options)}`,
  buildModel(architectureSchema.parse({ name, options }), IMAGE, CLASSES),
]);

const rng = createRng(deriveSeed('python'));
const normal = (length: number): Float32Array => Float32Array.from({ length }, () => rng.normal());
const weightsFor = (model: Model): Float32Array => initialWeights(model, 3).map((w) => w * 1.1 + 0.02);

function inferenceCase([name, model]: readonly [string, Model]): Case {
  const bytes = writeModel(model, weightsFor(model), {
    classNames: ['a', 'b', 'c', 'd'],
    activation: 'softmax',
    preprocessing: null,
    metadata: new Map([['origin', 'test']]),
  });
  const data = normal(BATCH * sizeOf(IMAGE));
  return { name, bytes, inputs: new Map([['images', { dims: [BATCH, ...IMAGE], data }]]) };
}

/** The lowered training graph of a model with inputs for all of it. */
function trainingCase(
  name: string,
  model: Model,
  weights: Float32Array,
  options: CompileOptions,
): Case & { graph: Graph } {
  const graph = lower(trainingGraph(model, options).graph, STANDARD_TARGET);
  const entries = new Map(manifestOf(model).entries.map((entry) => [entry.name, entry]));
  const inputs = graph.inputs.map((input) => {
    const dims = input.dims.map(Number);
    const entry = entries.get(input.name);
    const data = entry
      ? weights.slice(entry.offset, entry.offset + entry.length)
      : normal(sizeOf(dims)).map((value) => (input.name === 'images' ? value : Math.abs(value)));
    return [input.name, { dims, data }] as const;
  });
  return { name, graph, bytes: writeOnnx(graph), inputs: new Map(inputs) };
}

const flat = (inputs: Case['inputs']): ReadonlyMap<string, Float32Array> =>
  new Map([...inputs].map(([name, { data }]) => [name, data]));

describe.skipIf(python.missing !== undefined)(
  `in Python (skipped where ${python.missing ?? 'it is missing'})`,
  () => {
    it(
      'model files: the checker passes them, and their outputs are those of our engine',
      { timeout: 120_000 },
      async () => {
        const cases = MODELS.map(inferenceCase);
        const engine = await openNativeEngine();
        const results = runInPython(cases);
        for (const [i, [name, model]] of MODELS.entries()) {
          const images = cases[i]?.inputs.get('images')?.data ?? new Float32Array();
          const compiled = await engine.compile(model, { batchSize: BATCH, loss: 'softmax' });
          const logits = (await compiled.predict(weightsFor(model), images)).slice();
          await compiled.dispose();
          const { logits: expected = [], probabilities = [] } = results[i] ?? {};
          expectSame(`logits of ${name}`, logits, expected);
          const sums = Array.from({ length: BATCH }, (_, n) =>
            probabilities.slice(n * CLASSES, (n + 1) * CLASSES).reduce((a, b) => a + b, 0),
          );
          expectSame(`sums of the probabilities of ${name}`, sums, Array<number>(BATCH).fill(1));
        }
      },
    );

    it('training graphs of the architectures, both losses, with clipping', { timeout: 120_000 }, async () => {
      const cases = MODELS.flatMap(([name, model]) => {
        const hasBatchNorm = model.parameters.some(({ kind }) => kind === 'runningMean');
        const options: readonly CompileOptions[] = [
          { batchSize: BATCH, loss: 'softmax', labelSmoothing: 0.1 },
          { batchSize: BATCH, loss: 'sigmoid', frozenNormalization: true },
          ...(hasBatchNorm ? [] : [{ batchSize: BATCH, loss: 'softmax', perExampleClipL2Norm: 1 } as const]),
        ];
        return options.map((o) => trainingCase(`${name} ${JSON.stringify(o)}`, model, weightsFor(model), o));
      });
      await compareTraining(cases);
    });

    it('training graphs of every operator', { timeout: 120_000 }, async () => {
      await compareTraining(
        CASES.map((test) =>
          trainingCase(test.name, modelOf(test), weightsOf(test), {
            batchSize: 1,
            loss: 'softmax',
            ...test.options,
          }),
        ),
      );
    });
  },
);

async function compareTraining(cases: readonly (Case & { graph: Graph })[]): Promise<void> {
  const results = runInPython(cases);
  for (const [i, { name, graph, inputs }] of cases.entries()) {
    const ours = await runOnnx(graph, flat(inputs));
    for (const [output, values] of Object.entries(results[i] ?? {}))
      expectSame(`${output} of ${name}`, ours.get(output) ?? [], values);
    expect(ours.size).toBe(Object.keys(results[i] ?? {}).length);
  }
}
