/** A model with what PyTorch computed with it (test/python/torch_models.py), and the comparison with ours. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { z } from 'zod';
import type { CompiledModel, Engine } from '../../../../shared/learning/engines/engine.ts';
import { importModel, type ImportedModel } from '../../../../shared/learning/import/import-model.ts';
import { initialWeights, manifestOf, sizeOf } from '../../../../shared/learning/weights.ts';
import { at } from '../../../reference/tensor64.ts';

const description = z.strictObject({
  labels: z.array(z.int()),
  values: z.array(z.strictObject({ name: z.string(), dims: z.array(z.int()), offset: z.int() })),
});

interface TorchValue {
  readonly name: string;
  readonly dims: readonly number[];
  readonly data: Float32Array;
}

export interface TorchCase {
  readonly bytes: Uint8Array;
  readonly labels: readonly number[];
  readonly images: TorchValue;
  readonly logits: TorchValue;
  /** By the parameters' names in PyTorch; running statistics are constants. */
  readonly gradients: readonly TorchValue[];
  /** The same where batch normalisation uses the statistics of its batch; empty where it was not computed. */
  readonly trainingGradients: readonly TorchValue[];
}

/** Marks the gradients of training mode in the file. */
const TRAINING = 'train:';

export function readTorchCase(folder: string, name: string): TorchCase {
  const bytes = new Uint8Array(readFileSync(join(folder, `${name}.onnx`)));
  const json: unknown = JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8'));
  const { labels, values } = description.parse(json);
  const raw = readFileSync(join(folder, `${name}.bin`));
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  const [images, logits, ...rest] = values.map(({ name: key, dims, offset }) => ({
    name: key,
    dims,
    data: Float32Array.from({ length: sizeOf(dims) }, (_, i) => view.getFloat32((offset + i) * 4, true)),
  }));
  if (!images || !logits) throw new Error(`${name}.json has no images or logits`);
  const inTraining = rest.filter((value) => value.name.startsWith(TRAINING));
  return {
    ...{ bytes, labels, images, logits },
    gradients: rest.filter((value) => !value.name.startsWith(TRAINING)),
    trainingGradients: inTraining.map((value) => ({ ...value, name: value.name.slice(TRAINING.length) })),
  };
}

/** Largest difference over the largest value. */
function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let [error, size] = [0, 1e-3];
  for (let i = 0; i < expected.length; i++) {
    error = Math.max(error, Math.abs(at(actual, i) - at(expected, i)));
    size = Math.max(size, Math.abs(at(expected, i)));
  }
  return error / size;
}

/** [rows, columns] → [columns, rows] */
const transposed = (values: Float32Array, rows: number, columns: number): Float32Array =>
  Float32Array.from(values, (_, i) => at(values, (i % rows) * columns + Math.floor(i / rows)));

/** PyTorch's gradient in the layout of ours: exporters transpose the matrices of dense layers. */
function errorOf(ours: Float32Array, theirs: TorchValue): number {
  const direct = relativeError(ours, theirs.data);
  const [rows, columns, ...rest] = theirs.dims;
  if (rows === undefined || columns === undefined || rest.length > 0) return direct;
  return Math.min(direct, relativeError(ours, transposed(theirs.data, rows, columns)));
}

export interface Comparison {
  readonly imported: ImportedModel;
  readonly logitsError: number;
  /** Worst relative error of the gradient of each parameter that has PyTorch's name. */
  readonly gradientErrors: ReadonlyMap<string, number>;
  /** The same in training mode. */
  readonly trainingErrors: ReadonlyMap<string, number>;
}

type Batch = Parameters<CompiledModel['gradients']>[1];

function batchOf({ images, labels }: TorchCase, classCount: number): Batch {
  const targets = new Float32Array(labels.length * classCount);
  labels.forEach((label, n) => (targets[n * classCount + label] = 1));
  const sampleWeights = new Float32Array(labels.length).fill(1 / labels.length);
  return { images: images.data, targets, sampleWeights };
}

/** Imports the file and computes logits and gradients as PyTorch did. */
export async function compareWithTorch(engine: Engine, test: TorchCase): Promise<Comparison> {
  const [batchSize = 0, channels = 0, height = 0, width = 0] = test.images.dims;
  const imported = importModel(test.bytes, { imageDims: [channels, height, width] });
  const { model } = imported;
  const entries = new Map(manifestOf(model).entries.map((entry) => [entry.name, entry]));
  const weights = initialWeights(model, 0);
  let logitsError = Infinity;
  const errorsOf = async (expected: readonly TorchValue[], frozenNormalization: boolean) => {
    if (expected.length === 0) return new Map<string, number>();
    const compiled = await engine.compile(model, { batchSize, loss: 'softmax', frozenNormalization });
    try {
      const out = new Float32Array(weights.length);
      await compiled.gradients(weights, batchOf(test, model.classCount), out);
      logitsError = relativeError(await compiled.predict(weights, test.images.data), test.logits.data);
      return new Map(
        expected.flatMap((gradient) => {
          const entry = entries.get(gradient.name);
          if (entry === undefined) return [];
          const ours = out.subarray(entry.offset, entry.offset + entry.length);
          return [[gradient.name, errorOf(ours, gradient)] as const];
        }),
      );
    } finally {
      await compiled.dispose();
    }
  };
  const gradientErrors = await errorsOf(test.gradients, true);
  const trainingErrors = await errorsOf(test.trainingGradients, false);
  return { imported, logitsError, gradientErrors, trainingErrors };
}

/** How close float32 arithmetic in another order has to come. */
const TOLERANCE = 1e-4;

/** Logits and the gradients of all of PyTorch's parameters are the same. */
export function expectAsInTorch(test: TorchCase, compared: Comparison): void {
  expect(compared.logitsError).toBeLessThan(TOLERANCE);
  expect(compared.gradientErrors.size).toBe(test.gradients.length);
  expect(compared.trainingErrors.size).toBe(test.trainingGradients.length);
  const all = [...compared.gradientErrors, ...compared.trainingErrors];
  expect(all.filter(([, error]) => !(error < TOLERANCE))).toEqual([]);
}
