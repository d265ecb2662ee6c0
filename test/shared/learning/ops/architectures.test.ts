/** Whole training steps of the built-in architectures against the float64 reference, in both lowered forms. */
import { describe, expect, it } from 'vitest';
import { createRng, deriveSeed } from '../../../../shared/rng.ts';
import {
  architectureSchema,
  buildModel,
  type Architecture,
} from '../../../../shared/learning/architectures/architecture.ts';
import type { Batch, CompileOptions } from '../../../../shared/learning/engines/engine.ts';
import { openNativeEngine, probeBlockSize } from '../../../../shared/learning/engines/onnx-native.ts';
import type { Model } from '../../../../shared/learning/graph/types.ts';
import { STANDARD_TARGET } from '../../../../shared/learning/lower/target.ts';
import { trainingGraph } from '../../../../shared/learning/training-graph.ts';
import { initialWeights, manifestOf } from '../../../../shared/learning/weights.ts';
import { runReference } from '../../../reference/interpreter.ts';
import { at, tensor, type Tensor64 } from '../../../reference/tensor64.ts';
import { checkSlopes, masksOf, type Runner, type StepCase } from './gradient-case.ts';
import { lowered } from './runners.ts';

const BATCH = 3;
const CLASSES = 3;
const IMAGE = [2, 8, 8] as const;

const architecture = (name: string, options: object): Architecture =>
  architectureSchema.parse({ name, options });

const MODELS: readonly (readonly [string, Architecture, Partial<CompileOptions>])[] = [
  [
    'cnn with dropout',
    architecture('cnn', { filters: [16, 16], dense: 8, dropout: 0.5 }),
    { labelSmoothing: 0.1 },
  ],
  [
    'cnn with batch normalisation',
    architecture('cnn', { filters: [16, 8], normalization: 'batch', head: 'mean' }),
    {},
  ],
  [
    'cnn with frozen batch normalisation',
    architecture('cnn', { filters: [16, 8], normalization: 'batch' }),
    { frozenNormalization: true },
  ],
  [
    'cnn with group normalisation',
    architecture('cnn', { filters: [8, 16], normalization: 'group', dense: 0 }),
    { loss: 'sigmoid' },
  ],
  ['resnet', architecture('resnet', { widths: [16, 16] }), {}],
  ['mobile', architecture('mobile', { widths: [16, 16], activation: 'hardswish' }), {}],
];

function stepOf(model: Model, more: Partial<CompileOptions>): StepCase {
  const rng = createRng(deriveSeed('architectures'));
  const options: CompileOptions = { batchSize: BATCH, loss: 'softmax', ...more };
  const values = (length: number, draw: () => number): Float32Array => Float32Array.from({ length }, draw);
  const maskLength = trainingGraph(model, options).dropoutMasks.reduce(
    (sum, { length }) => sum + length * BATCH,
    0,
  );
  const batch: Batch = {
    images: values(BATCH * IMAGE[0] * IMAGE[1] * IMAGE[2], () => rng.normal()),
    targets: Float32Array.of(1, 0, 0, 0, 0, 1, 0, 1, 0),
    sampleWeights: Float32Array.of(0.5, 0.25, 0.25),
    dropoutMasks: values(maskLength, () => (rng.uniform() < 0.5 ? 0 : 2)),
  };
  // Running statistics, biases and scales that differ from their start, so that none can be passed over unseen.
  const weights = initialWeights(model, 5).map((w) => w * 1.1 + 0.02);
  return { model, weights, batch, options };
}

/** Shape of each dropout mask: dropout stands before the last dense layer. */
function maskTensors(step: StepCase): readonly Tensor64[] {
  const { dropoutMasks } = trainingGraph(step.model, step.options);
  return masksOf(
    step.batch,
    dropoutMasks.map(({ length }) => [BATCH, length]),
  );
}

const blockSize = await probeBlockSize();
const runners: readonly (readonly [string, Runner])[] = [
  ['standard', lowered(STANDARD_TARGET)],
  ...(blockSize === undefined ? [] : [['blocked', lowered({ ...STANDARD_TARGET, blockSize })] as const]),
];

describe.each(runners)('gradients in %s operators', (_, run) => {
  it.each(MODELS)('%s', async (_name, chosen, more) => {
    const step = stepOf(buildModel(chosen, IMAGE, CLASSES), more);
    await checkSlopes(run, step, { seed: 1, directions: 2, dropoutMasks: maskTensors(step) });
  });
});

describe('the engine "onnx"', () => {
  it.each(MODELS)('predicts the logits of the reference: %s', async (_name, chosen) => {
    const { model, weights, batch } = stepOf(buildModel(chosen, IMAGE, CLASSES), {});
    const inputs = new Map([['images', tensor([BATCH, ...IMAGE], batch.images)]]);
    for (const { name, dims, offset, length } of manifestOf(model).entries)
      inputs.set(name, tensor(dims, weights.subarray(offset, offset + length)));
    const [expected] = runReference(model.graph, inputs);
    const compiled = await (await openNativeEngine()).compile(model, { batchSize: 2, loss: 'softmax' });
    const logits = await compiled.predict(weights, batch.images);
    await compiled.dispose();
    expect(logits).toHaveLength(BATCH * CLASSES);
    logits.forEach((value, i) => {
      expect(value).toBeCloseTo(at(expected?.data ?? [], i), 4);
    });
  });
});
