/**
 * What every engine must do, as checks that throw. They run beside a reference engine in one process (ONNX Runtime with
 * standard operators), so that any engine can be tried in a process of its own; `engines.test.ts` reports them.
 */
import assert from 'node:assert/strict';
import { createRng, deriveSeed } from '../../shared/rng.ts';
import type {
  Batch,
  CompiledModel,
  CompileOptions,
  Engine,
  StepResult,
} from '../../shared/learning/engines/engine.ts';
import type { Model } from '../../shared/learning/graph/types.ts';
import { initialWeights, manifestOf, sizeOf } from '../../shared/learning/weights.ts';
import * as models from './contract-models.ts';

/** Relative to the reference, for each parameter. */
const TOLERANCE = 1e-4;
const BATCH_SIZE = 4;
const SEED = 7;

const softmax: CompileOptions = { batchSize: BATCH_SIZE, loss: 'softmax' };

export interface Check {
  readonly name: string;
  /** Small enough for WebGPU in software, where compiling shaders takes seconds a graph. */
  readonly cheap?: boolean;
  run(engine: Engine, reference: Engine): Promise<void>;
}

/** Weights away from zero everywhere, so that no gradient vanishes by symmetry; variances stay positive. */
function weightsOf(model: Model): Float32Array {
  const weights = initialWeights(model, SEED);
  const rng = createRng(deriveSeed('contract-weights', SEED));
  for (const { kind, offset, length } of manifestOf(model).entries) {
    if (kind === 'kernel') continue;
    for (let i = offset; i < offset + length; i++) weights[i] = (weights[i] ?? 0) + 0.2 * rng.uniform();
  }
  return weights;
}

function batchOf(model: Model, compiled?: CompiledModel): Batch {
  const rng = createRng(deriveSeed('contract-batch', SEED));
  const targets = new Float32Array(BATCH_SIZE * model.classCount);
  for (let i = 0; i < BATCH_SIZE; i++) targets[i * model.classCount + (i % model.classCount)] = 1;
  const images = Float32Array.from(
    { length: BATCH_SIZE * sizeOf(model.imageDims) },
    () => 2 * rng.uniform() - 1,
  );
  const masks = (compiled?.dropoutMasks ?? []).flatMap(({ length, ratio }) =>
    Array.from({ length: BATCH_SIZE * length }, () => (rng.uniform() < ratio ? 0 : 1 / (1 - ratio))),
  );
  return {
    images,
    targets,
    sampleWeights: Float32Array.from([0.4, 0.3, 0.2, 0.1]),
    ...(masks.length === 0 ? {} : { dropoutMasks: Float32Array.from(masks) }),
  };
}

const norm = (values: Float32Array): number => Math.sqrt(values.reduce((sum, v) => sum + v * v, 0));
const minus = (a: Float32Array, b: Float32Array): Float32Array => a.map((v, i) => v - (b[i] ?? Number.NaN));

const sameBits = (a: Float32Array, b: Float32Array): boolean => a.every((v, i) => Object.is(v, b[i]));

function assertClose(what: string, actual: Float32Array, expected: Float32Array, floor = 1e-12): void {
  assert.equal(actual.length, expected.length, `${what}: number of values`);
  const error = norm(minus(actual, expected)) / Math.max(norm(expected), floor);
  assert.ok(error < TOLERANCE, `${what}: relative error ${error.toExponential(2)} (seed ${String(SEED)})`);
}

/** Every slot of two flat vectors, parameter by parameter; tiny gradients count relative to the whole. */
function assertSameVector(model: Model, actual: Float32Array, expected: Float32Array): void {
  const floor = 1e-5 * norm(expected);
  for (const { name, offset, length } of manifestOf(model).entries) {
    const part = (values: Float32Array): Float32Array => values.subarray(offset, offset + length);
    assertClose(name, part(actual), part(expected), floor);
  }
}

async function withModel<T>(
  engine: Engine,
  model: Model,
  options: CompileOptions,
  use: (compiled: CompiledModel) => Promise<T>,
): Promise<T> {
  const compiled = await engine.compile(model, options);
  try {
    return await use(compiled);
  } finally {
    await compiled.dispose();
  }
}

interface Step extends StepResult {
  readonly gradients: Float32Array;
}

/** One step with copies of what the engine returns; slots that it leaves alone stay NaN. */
async function step(compiled: CompiledModel, weights: Float32Array, batch: Batch): Promise<Step> {
  const gradients = new Float32Array(weights.length).fill(Number.NaN);
  const { loss, logits } = await compiled.gradients(weights, batch, gradients);
  return { loss, logits: logits.slice(), gradients };
}

const stepOn = (engine: Engine, model: Model, options: CompileOptions): Promise<Step> =>
  withModel(engine, model, options, (compiled) => step(compiled, weightsOf(model), batchOf(model, compiled)));

function sameStep(name: string, model: () => Model, options: CompileOptions, cheap = false): Check {
  return {
    name,
    cheap,
    async run(engine, reference) {
      const subject = model();
      const expected = await stepOn(reference, subject, options);
      const actual = await stepOn(engine, subject, options);
      assertClose('loss', Float32Array.of(actual.loss), Float32Array.of(expected.loss));
      assertClose('logits', actual.logits, expected.logits);
      assertSameVector(subject, actual.gradients, expected.gradients);
    },
  };
}

const gradientChecks: readonly Check[] = [
  sameStep('gradients of a cnn', models.plainCnn, softmax, true),
  sameStep('gradients of a resnet with GroupNorm', models.groupNormResnet, softmax),
  sameStep('gradients of a mobile net with HardSwish', models.hardSwishMobile, softmax),
  sameStep('gradients and batch statistics with BatchNorm', models.batchNormCnn, softmax),
  sameStep('gradients with frozen BatchNorm', models.batchNormCnn, { ...softmax, frozenNormalization: true }),
  sameStep('gradients with dropout masks', models.dropoutCnn, softmax),
  sameStep('gradients of unusual convolutions', models.unusualConvolutions, softmax),
  sameStep('gradients of the other operators', models.otherOperators, softmax),
  sameStep('label smoothing', models.dropoutCnn, { ...softmax, labelSmoothing: 0.2 }),
  sameStep('sigmoid loss', models.dropoutCnn, { ...softmax, loss: 'sigmoid', labelSmoothing: 0.1 }),
  sameStep('per-example clipping of a cnn', models.plainCnn, { ...softmax, perExampleClipL2Norm: 0.5 }),
  sameStep('per-example clipping of a resnet', models.groupNormResnet, {
    ...softmax,
    perExampleClipL2Norm: 0.5,
  }),
];

async function sgd(engine: Engine, model: Model): Promise<Float32Array> {
  return withModel(engine, model, softmax, async (compiled) => {
    const weights = weightsOf(model);
    const batch = batchOf(model, compiled);
    const gradients = new Float32Array(weights.length);
    for (let i = 0; i < 3; i++) {
      await compiled.gradients(weights, batch, gradients);
      weights.forEach((value, index) => (weights[index] = value - 0.05 * (gradients[index] ?? 0)));
    }
    return weights;
  });
}

const threeSteps: Check = {
  name: 'three steps of SGD',
  cheap: true,
  async run(engine, reference) {
    const model = models.plainCnn();
    const start = weightsOf(model);
    const expected = minus(await sgd(reference, model), start);
    assert.ok(norm(expected) > 1e-3, 'the reference has moved');
    assertSameVector(model, minus(await sgd(engine, model), start), expected);
  },
};

const predictAnyCount: Check = {
  name: 'prediction of any number of images',
  cheap: true,
  async run(engine, reference) {
    const model = models.dropoutCnn();
    const weights = weightsOf(model);
    const size = sizeOf(model.imageDims);
    const rng = createRng(deriveSeed('contract-images', SEED));
    const images = Float32Array.from({ length: (2 * BATCH_SIZE + 3) * size }, () => rng.uniform());
    const expected = await withModel(reference, model, softmax, (m) => m.predict(weights, images));
    assert.equal(expected.length, (2 * BATCH_SIZE + 3) * model.classCount);
    await withModel(engine, model, softmax, async (compiled) => {
      assertClose('11 images', await compiled.predict(weights, images), expected);
      const one = await compiled.predict(weights, images.subarray(0, size));
      assertClose('1 image', one, expected.subarray(0, model.classCount));
      assert.equal((await compiled.predict(weights, images.subarray(0, 0))).length, 0);
    });
  },
};

const absentMasks: Check = {
  name: 'without masks nothing is dropped',
  async run(engine) {
    const model = models.dropoutCnn();
    await withModel(engine, model, softmax, async (compiled) => {
      const weights = weightsOf(model);
      const { dropoutMasks, ...batch } = batchOf(model, compiled);
      const ones = new Float32Array(dropoutMasks?.length ?? 0).fill(1);
      assert.ok(ones.length > 0);
      const absent = await step(compiled, weights, batch);
      const kept = await step(compiled, weights, { ...batch, dropoutMasks: ones });
      assert.ok(sameBits(absent.gradients, kept.gradients));
      const some = await step(compiled, weights, { ...batch, ...(dropoutMasks ? { dropoutMasks } : {}) });
      assert.ok(!sameBits(some.gradients, kept.gradients));
    });
  },
};

const padding: Check = {
  name: 'examples of weight zero change nothing',
  async run(engine) {
    const model = models.groupNormResnet();
    await withModel(engine, model, softmax, async (compiled) => {
      const weights = weightsOf(model);
      const batch = { ...batchOf(model), sampleWeights: Float32Array.from([0.5, 0.5, 0, 0]) };
      const size = sizeOf(model.imageDims);
      const other = { ...batch, images: batch.images.slice().fill(0.3, 2 * size) };
      const [a, b] = [await step(compiled, weights, batch), await step(compiled, weights, other)];
      assertSameVector(model, a.gradients, b.gradients);
      assert.ok(Math.abs(a.loss - b.loss) < 1e-6);
    });
  },
};

const clippingBound: Check = {
  name: 'per-example clipping bounds the gradient, and a large bound does nothing',
  async run(engine) {
    const model = models.plainCnn();
    const clipped = (bound: number): Promise<Step> =>
      stepOn(engine, model, { ...softmax, perExampleClipL2Norm: bound });
    const plain = await stepOn(engine, model, softmax);
    assertSameVector(model, (await clipped(1e6)).gradients, plain.gradients);
    // Each example adds at most weight · bound, and the weights add up to 1.
    assert.ok(norm(plain.gradients) > 0.01);
    assert.ok(norm((await clipped(0.01)).gradients) <= 0.01 * (1 + TOLERANCE));
  },
};

const frozenParameters: Check = {
  name: 'frozen parameters get zero, the others their gradient',
  async run(engine) {
    const model = models.partlyFrozenCnn();
    const { gradients } = await stepOn(engine, model, softmax);
    const all = await stepOn(engine, models.plainCnn(), softmax);
    for (const { trainable, name, offset, length } of manifestOf(model).entries) {
      const part = gradients.subarray(offset, offset + length);
      if (trainable) assertClose(name, part, all.gradients.subarray(offset, offset + length));
      else
        assert.ok(
          part.every((value) => value === 0),
          `${name} is not zero`,
        );
    }
  },
};

const repeatable: Check = {
  name: 'the same step gives the same bits',
  async run(engine) {
    const model = models.batchNormCnn();
    const [a, b] = [await stepOn(engine, model, softmax), await stepOn(engine, model, softmax)];
    assert.ok(sameBits(a.gradients, b.gradients));
    assert.equal(a.loss, b.loss);
  },
};

const refusals: Check = {
  name: 'arrays of the wrong length are refused, and so is a model after its disposal',
  async run(engine) {
    const model = models.plainCnn();
    const compiled = await engine.compile(model, softmax);
    const weights = weightsOf(model);
    const batch = batchOf(model);
    const out = new Float32Array(weights.length);
    await assert.rejects(compiled.gradients(weights.subarray(1), batch, out));
    await assert.rejects(compiled.gradients(weights, { ...batch, images: batch.images.subarray(1) }, out));
    await assert.rejects(compiled.gradients(weights, batch, out.subarray(1)));
    await assert.rejects(compiled.predict(weights, batch.images.subarray(1)));
    await compiled.gradients(weights, batch, out);
    await compiled.dispose();
    await assert.rejects(compiled.gradients(weights, batch, out));
  },
};

const impossibleClipping: Check = {
  name: 'per-example clipping with BatchNorm is refused',
  async run(engine) {
    const compiled = engine.compile(models.batchNormCnn(), { ...softmax, perExampleClipL2Norm: 1 });
    await assert.rejects(compiled, /batch normalisation/);
  },
};

export const CHECKS: readonly Check[] = [
  ...gradientChecks,
  threeSteps,
  predictAnyCount,
  absentMasks,
  padding,
  clippingBound,
  frozenParameters,
  repeatable,
  refusals,
  impossibleClipping,
];
