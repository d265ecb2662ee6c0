/**
 * One operator under a loss: a tiny model whose parameters are the operator's inputs, its float64 loss by the naive
 * reference, and the comparison of an engine's gradients with the reference's finite differences.
 */
import { expect } from 'vitest';
import { createRng, deriveSeed, type Rng } from '../../../../shared/rng.ts';
import type { Batch, CompileOptions, LossKind } from '../../../../shared/learning/engines/engine.ts';
import { GraphBuilder } from '../../../../shared/learning/graph/builder.ts';
import type { Model, Parameter } from '../../../../shared/learning/graph/types.ts';
import { manifestOf, sizeOf } from '../../../../shared/learning/weights.ts';
import { finiteDifferences } from '../../../reference/finite-differences.ts';
import { runReference, type ReferenceOptions } from '../../../reference/interpreter.ts';
import { sigmoidCrossEntropy, softmaxCrossEntropy } from '../../../reference/losses.ts';
import { at, tensor, type Tensor64 } from '../../../reference/tensor64.ts';

/** Fills an input; each keeps clear of the operator's kinks, where differences are no derivatives. */
export type Fill = (rng: Rng, length: number) => readonly number[];

export const normal: Fill = (rng, length) => Array.from({ length }, () => rng.normal());

/** Normal values at least 0.05 away from every kink. */
export const awayFrom =
  (...kinks: readonly number[]): Fill =>
  (rng, length) =>
    Array.from({ length }, () => {
      for (;;) {
        const value = 2 * rng.normal();
        if (kinks.every((kink) => Math.abs(value - kink) > 0.05)) return value;
      }
    });

/** All different, by 0.05 at least, in random order. */
export const distinct: Fill = (rng, length) =>
  rng.shuffle(Array.from({ length }, (_, i) => 0.05 * (i - length / 2) + 0.01));

/** In ±[0.5, 1.5]. */
export const farFromZero: Fill = (rng, length) =>
  Array.from({ length }, () => (rng.uniform() + 0.5) * (rng.uniform() < 0.5 ? -1 : 1));

/** In [0.5, 1.5]. */
export const positive: Fill = (rng, length) => Array.from({ length }, () => rng.uniform() + 0.5);

export interface CaseInput {
  readonly dims: readonly number[];
  readonly fill?: Fill;
  /** Default 'kernel', trained. */
  readonly kind?: Parameter['kind'];
}

export interface GradientCase {
  readonly name: string;
  readonly inputs: readonly CaseInput[];
  /** Adds the operator over the inputs and returns its output. */
  readonly build: (build: GraphBuilder, inputs: readonly string[]) => string;
  readonly options?: Pick<CompileOptions, 'frozenNormalization'>;
}

const CLASSES = 3;

/** Operator → one row → a random linear map to the logits of one example. */
export function modelOf({ name, inputs, build: operator }: GradientCase): Model {
  const build = new GraphBuilder('operator');
  build.input('images', ['N', 1, 1, 1]);
  const parameters = inputs.map(({ dims, kind = 'kernel' }, i): Parameter => ({
    name: `input${String(i)}`,
    dims,
    kind,
    trainable: kind !== 'runningMean' && kind !== 'runningVariance',
    initializer: { kind: 'zeros' },
  }));
  for (const parameter of parameters) build.input(parameter.name, parameter.dims);
  const value = operator(
    build,
    parameters.map((parameter) => parameter.name),
  );
  const length = sizeOf(build.typeOf(value).dims);
  const rng = createRng(deriveSeed('functional', name));
  const matrix = Array.from({ length: length * CLASSES }, () => rng.normal() / Math.sqrt(length));
  const row = build.op('Reshape', [value, build.ints([1, length])]);
  build.op('Gemm', [row, build.floats(matrix, [length, CLASSES])], {}, { outputs: ['logits'] });
  return { graph: build.build(['logits']), parameters, imageDims: [1, 1, 1], classCount: CLASSES };
}

export function weightsOf({ name, inputs }: GradientCase, seed = 0): Float32Array {
  const rng = createRng(deriveSeed('values', name, seed));
  return Float32Array.from(inputs.flatMap(({ dims, fill = normal }) => fill(rng, sizeOf(dims))));
}

/** The single example of `modelOf`. */
export const ONE_EXAMPLE: Batch = {
  images: Float32Array.of(0),
  targets: Float32Array.of(0.5, 0.25, 0.25),
  sampleWeights: Float32Array.of(1),
};

export interface ReferenceLoss extends ReferenceOptions {
  readonly loss: LossKind;
  readonly labelSmoothing?: number;
}

/** Float64 loss of a batch as a function of the flat weights. */
export function referenceLoss(
  model: Model,
  batch: Batch,
  options: ReferenceLoss,
): (weights: Float64Array) => number {
  const count = batch.sampleWeights.length;
  const { entries } = manifestOf(model);
  const images = tensor([count, ...model.imageDims], batch.images);
  const targets = tensor([count, model.classCount], batch.targets);
  const sampleWeights = tensor([count], batch.sampleWeights);
  return (weights) => {
    const inputs = new Map<string, Tensor64>([['images', images]]);
    for (const { name, dims, offset, length } of entries)
      inputs.set(name, tensor(dims, weights.subarray(offset, offset + length)));
    const [logits] = runReference(model.graph, inputs, options);
    if (!logits) throw new Error('no logits');
    const given = { logits, targets, sampleWeights, labelSmoothing: options.labelSmoothing ?? 0 };
    return options.loss === 'softmax' ? softmaxCrossEntropy(given) : sigmoidCrossEntropy(given);
  };
}

export interface Step {
  readonly loss: number;
  readonly gradients: Float32Array;
}

/** Something that computes one step's loss and gradients. */
export type Runner = (
  model: Model,
  options: CompileOptions,
  weights: Float32Array,
  batch: Batch,
) => Promise<Step>;

/** Float32 arithmetic over these few operations stays well below it; a wrong rule is off by orders more. */
const RELATIVE_ERROR = 1e-4;

/** Largest difference over the largest value, for each trained parameter. */
export function expectClose(model: Model, actual: Float32Array, expected: ArrayLike<number>): void {
  for (const { name, offset, length, trainable } of manifestOf(model).entries) {
    if (!trainable) continue;
    let [error, size] = [0, 0];
    for (let i = offset; i < offset + length; i++) {
      error = Math.max(error, Math.abs(at(actual, i) - at(expected, i)));
      size = Math.max(size, Math.abs(at(expected, i)));
    }
    // Some gradients are exactly zero by symmetry; float32 gives them the rounding of what cancels, of order 1e-7.
    const relative = error / Math.max(size, 1e-2);
    if (!(relative < RELATIVE_ERROR))
      expect.fail(
        `gradient of ${name} is off by ${String(relative)}:\n${show(actual, offset, length)}\nexpected\n${show(expected, offset, length)}`,
      );
  }
}

const show = (values: ArrayLike<number>, offset: number, length: number): string =>
  Array.from({ length: Math.min(length, 24) }, (_, i) => at(values, offset + i).toPrecision(5)).join(' ');

/** Compares every gradient with finite differences in float64. */
export async function checkAgainstDifferences(run: Runner, test: GradientCase): Promise<void> {
  const model = modelOf(test);
  const weights = weightsOf(test);
  const frozen = test.options?.frozenNormalization === true;
  const reference = referenceLoss(model, ONE_EXAMPLE, { loss: 'softmax', batchStatistics: !frozen });
  const step = await run(model, { batchSize: 1, loss: 'softmax', ...test.options }, weights, ONE_EXAMPLE);
  const point = Float64Array.from(weights);
  expect(step.loss).toBeCloseTo(reference(point), 4);
  const expected = finiteDifferences(reference, point);
  expect(Math.max(...expected.map(Math.abs)), 'the case says nothing: its gradients vanish').toBeGreaterThan(
    1e-3,
  );
  expectClose(model, step.gradients, expected);
}

/** A training step of any model. */
export interface StepCase {
  readonly model: Model;
  readonly weights: Float32Array;
  readonly batch: Batch;
  readonly options: CompileOptions;
}

/** The masks of a batch as tensors of the given shapes. */
export function masksOf(batch: Batch, dims: readonly (readonly number[])[]): readonly Tensor64[] {
  let offset = 0;
  return dims.map((shape) => {
    const start = offset;
    offset += sizeOf(shape);
    return tensor(
      shape,
      batch.dropoutMasks?.subarray(start, offset) ?? new Float32Array(sizeOf(shape)).fill(1),
    );
  });
}

/** Compares the slopes along random directions of all trained weights: for cases with many of them. */
export async function checkSlopes(
  run: Runner,
  { model, weights, batch, options }: StepCase,
  check: { readonly seed: number; readonly directions: number; readonly dropoutMasks?: readonly Tensor64[] },
): Promise<void> {
  const reference = referenceLoss(model, batch, {
    loss: options.loss,
    labelSmoothing: options.labelSmoothing ?? 0,
    batchStatistics: options.frozenNormalization !== true,
    dropoutMasks: check.dropoutMasks ?? [],
  });
  const step = await run(model, options, weights, batch);
  expect(step.loss).toBeCloseTo(reference(Float64Array.from(weights)), 4);
  const rng = createRng(deriveSeed('directions', check.seed));
  const size = Math.sqrt(step.gradients.reduce((sum, g) => sum + g * g, 0));
  const trained = new Float64Array(weights.length);
  for (const { offset, length, trainable } of manifestOf(model).entries)
    trained.fill(trainable ? 1 : 0, offset, offset + length);
  for (let k = 0; k < check.directions; k++) {
    const direction = trained.map((factor) => factor * rng.normal());
    const slope = finiteDifferences(
      (t) => reference(Float64Array.from(weights, (w, i) => w + at(t, 0) * at(direction, i))),
      Float64Array.of(0),
      // The whole point moves by 1e-5 whatever the number of weights, so that hardly a ReLU changes its side.
      1e-5 / Math.sqrt(weights.length),
    );
    const product = direction.reduce((sum, d, i) => sum + d * at(step.gradients, i), 0);
    const error = Math.abs(product - at(slope, 0)) / Math.max(size, 1e-2);
    expect(error, `slope along direction ${String(k)} of seed ${String(check.seed)}`).toBeLessThan(
      RELATIVE_ERROR,
    );
  }
}

/** `checkSlopes` of one operator. */
export async function checkAlongDirections(run: Runner, test: GradientCase, seed: number): Promise<void> {
  const options: CompileOptions = { batchSize: 1, loss: 'softmax', ...test.options };
  const step = { model: modelOf(test), weights: weightsOf(test, seed), batch: ONE_EXAMPLE, options };
  await checkSlopes(run, step, { seed, directions: 2 });
}
