/** Per-example clipping (Abadi et al. 2016, Algorithm 1) and the batch's own statistics, against doing it by hand. */
import { describe, expect, it } from 'vitest';
import { architectureSchema, buildModel } from '../../../../shared/learning/architectures/architecture.ts';
import type { Batch, CompileOptions } from '../../../../shared/learning/engines/engine.ts';
import { openNativeEngine, probeBlockSize } from '../../../../shared/learning/engines/onnx-native.ts';
import type { Model } from '../../../../shared/learning/graph/types.ts';
import { STANDARD_TARGET } from '../../../../shared/learning/lower/target.ts';
import { initialWeights, manifestOf } from '../../../../shared/learning/weights.ts';
import { createRng, deriveSeed } from '../../../../shared/rng.ts';
import { batchStatistics } from '../../../reference/normalization.ts';
import { at, tensor } from '../../../reference/tensor64.ts';
import { conv } from '../../../reference/window.ts';
import { expectClose, type Runner } from './gradient-case.ts';
import { lowered, withEngine } from './runners.ts';

const BATCH = 4;
const CLASSES = 2;
const IMAGE = [1, 8, 8] as const;
const rng = createRng(deriveSeed('per-example'));
const batch: Batch = {
  images: Float32Array.from({ length: BATCH * 64 }, () => rng.normal()),
  targets: Float32Array.of(1, 0, 0, 1, 1, 0, 0, 1),
  // Of different weight, one of them padding.
  sampleWeights: Float32Array.of(1, 0.5, 0.25, 0),
};
const modelOf = (name: string, options: object): Model =>
  buildModel(architectureSchema.parse({ name, options }), IMAGE, CLASSES);

/** Each example's gradient by a step of its own, clipped and summed in plain loops. */
async function clippedByHand(
  run: Runner,
  model: Model,
  weights: Float32Array,
  bound: number,
): Promise<Float64Array> {
  const total = new Float64Array(weights.length);
  for (let n = 0; n < BATCH; n++) {
    const example: Batch = {
      images: batch.images.subarray(n * 64, (n + 1) * 64),
      targets: batch.targets.subarray(n * CLASSES, (n + 1) * CLASSES),
      sampleWeights: Float32Array.of(1),
    };
    const { gradients } = await run(model, { batchSize: 1, loss: 'softmax' }, weights, example);
    const norm = Math.sqrt(gradients.reduce((sum, g) => sum + g * g, 0));
    const factor = at(batch.sampleWeights, n) * Math.min(1, bound / norm);
    gradients.forEach((g, i) => (total[i] = at(total, i) + factor * g));
  }
  return total;
}

const blockSize = await probeBlockSize();
const runners: readonly (readonly [string, Runner])[] = [
  ['standard operators', lowered(STANDARD_TARGET)],
  ['the engine "onnx"', withEngine(await openNativeEngine())],
];

describe.each(runners)('per-example clipping in %s', (_, run) => {
  const models: readonly (readonly [string, Model])[] = [
    ['cnn', modelOf('cnn', { filters: [8, 16], dense: 8 })],
    [
      'cnn with group normalisation',
      modelOf('cnn', { filters: [16], normalization: 'group', head: 'mean', dense: 0 }),
    ],
    ['resnet', modelOf('resnet', { widths: [16, 16] })],
    ['mobile', modelOf('mobile', { widths: [16, 16] })],
  ];
  it.each(models)('%s', async (_name, model) => {
    const weights = initialWeights(model, 2).map((w) => w + 0.01);
    // Among the norms of the four examples, so that some are clipped and others are not.
    const bound = 1.5;
    const options: CompileOptions = { batchSize: BATCH, loss: 'softmax', perExampleClipL2Norm: bound };
    const step = await run(model, options, weights, batch);
    expectClose(model, step.gradients, await clippedByHand(run, model, weights, bound));
  });

  it('with a bound that nothing reaches is the plain gradient', async () => {
    const model = modelOf('cnn', { filters: [8], dense: 0 });
    const weights = initialWeights(model, 2);
    const options: CompileOptions = { batchSize: BATCH, loss: 'softmax' };
    const plain = await run(model, options, weights, batch);
    const clipped = await run(model, { ...options, perExampleClipL2Norm: 1e6 }, weights, batch);
    expectClose(model, clipped.gradients, plain.gradients);
  });
});

describe.each([16, 6])('batch statistics of %i channels', (channels) => {
  it('stand in the slots of the running ones: mean and biased variance', async () => {
    const model = modelOf('cnn', { filters: [channels], normalization: 'batch', dense: 0 });
    const weights = initialWeights(model, 2);
    const target = blockSize === undefined ? STANDARD_TARGET : { ...STANDARD_TARGET, blockSize };
    const engine = await openNativeEngine({ target });
    const { gradients } = await withEngine(engine)(
      model,
      { batchSize: BATCH, loss: 'softmax' },
      weights,
      batch,
    );
    const { entries } = manifestOf(model);
    const slot = (kind: string): [number, number] => {
      const entry = entries.find((e) => e.kind === kind);
      return [entry?.offset ?? NaN, (entry?.offset ?? NaN) + (entry?.length ?? NaN)];
    };
    const kernel = tensor([channels, 1, 3, 3], weights.subarray(...slot('kernel')));
    const window = { kernel: [3, 3], strides: [1, 1], dilations: [1, 1], pads: [1, 1, 1, 1] } as const;
    const { mean, variance } = batchStatistics(
      conv(tensor([BATCH, ...IMAGE], batch.images), kernel, undefined, 1, window),
    );
    gradients.subarray(...slot('runningMean')).forEach((value, c) => {
      expect(value).toBeCloseTo(at(mean.data, c), 4);
    });
    gradients.subarray(...slot('runningVariance')).forEach((value, c) => {
      expect(value).toBeCloseTo(at(variance.data, c), 4);
    });
  });
});
