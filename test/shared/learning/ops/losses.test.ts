/** The losses, dropout with its mask, and the batch's statistics: what the training form adds to a model. */
import { describe, expect, it } from 'vitest';
import { createRng, deriveSeed } from '../../../../shared/rng.ts';
import type { Batch, CompileOptions, LossKind } from '../../../../shared/learning/engines/engine.ts';
import { float } from '../../../../shared/learning/graph/attributes.ts';
import { GraphBuilder } from '../../../../shared/learning/graph/builder.ts';
import type { Model } from '../../../../shared/learning/graph/types.ts';
import { GPU_TARGET, STANDARD_TARGET } from '../../../../shared/learning/lower/target.ts';
import { finiteDifferences } from '../../../reference/finite-differences.ts';
import { tensor } from '../../../reference/tensor64.ts';
import { expectClose, referenceLoss } from './gradient-case.ts';
import { lowered } from './runners.ts';

const BATCH = 4;
const CLASSES = 3;

/** logits = dropout(images)·W, so that the gradient of W shows the gradient of every logit. */
function linearModel(): Model {
  const build = new GraphBuilder('linear');
  build.input('images', ['N', 1, 1, 5]);
  build.input('weights', [5, CLASSES]);
  const flat = build.op('Flatten', ['images']);
  const dropped = build.op('Dropout', [flat], { ratio: float(0.4) }, { domain: 'consilium' });
  build.op('Gemm', [dropped, 'weights'], {}, { outputs: ['logits'] });
  return {
    graph: build.build(['logits']),
    parameters: [
      {
        name: 'weights',
        dims: [5, CLASSES],
        kind: 'kernel',
        trainable: true,
        initializer: { kind: 'zeros' },
      },
    ],
    imageDims: [1, 1, 5],
    classCount: CLASSES,
  };
}

const rng = createRng(deriveSeed('losses'));
const values = (length: number): Float32Array => Float32Array.from({ length }, () => rng.normal());
const model = linearModel();
const weights = values(5 * CLASSES);
const mask = Float32Array.from({ length: BATCH * 5 }, () => (rng.uniform() < 0.4 ? 0 : 1 / 0.6));
const batch: Batch = {
  images: values(BATCH * 5),
  targets: Float32Array.of(1, 0, 0, 0, 1, 0, 0.2, 0.3, 0.7, 1, 1, 0),
  // The last example is padding.
  sampleWeights: Float32Array.of(0.5, 2, 0.25, 0),
};

describe.each([
  ['standard', STANDARD_TARGET],
  ['GPU', GPU_TARGET],
])('in %s operators', (_, target) => {
  const cases: readonly (readonly [LossKind, number, boolean])[] = [
    ['softmax', 0, false],
    ['softmax', 0.1, true],
    ['sigmoid', 0, true],
    ['sigmoid', 0.3, false],
  ];
  it.each(cases)('%s, label smoothing %f, dropout %s', async (loss, labelSmoothing, withMask) => {
    const options: CompileOptions = { batchSize: BATCH, loss, labelSmoothing };
    const given = withMask ? { ...batch, dropoutMasks: mask } : batch;
    const step = await lowered(target)(model, options, weights, given);
    const dropoutMasks = withMask ? [tensor([BATCH, 5], mask)] : [];
    const reference = referenceLoss(model, batch, { loss, labelSmoothing, dropoutMasks });
    const point = Float64Array.from(weights);
    expect(step.loss).toBeCloseTo(reference(point), 5);
    expectClose(model, step.gradients, finiteDifferences(reference, point));
  });

  it('padding counts for nothing, whatever it holds', async () => {
    const options: CompileOptions = { batchSize: BATCH, loss: 'softmax' };
    const other = { ...batch, images: batch.images.slice().fill(7, 15) };
    const run = lowered(target);
    expect(await run(model, options, weights, other)).toEqual(await run(model, options, weights, batch));
  });

  it.each(['softmax', 'sigmoid'] as const)('%s: huge logits stay finite', async (loss) => {
    const huge = weights.map((w) => w * 1e4);
    const step = await lowered(target)(model, { batchSize: BATCH, loss }, huge, batch);
    expect(Number.isFinite(step.loss)).toBe(true);
    expect(step.gradients.every(Number.isFinite)).toBe(true);
  });
});
