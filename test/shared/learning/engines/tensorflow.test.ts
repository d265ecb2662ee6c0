import { beforeAll, describe, expect, it } from 'vitest';
import { cnn } from '../../../../shared/learning/architectures/cnn.ts';
import { cnnOptionsSchema } from '../../../../shared/learning/architectures/schema.ts';
import type { Batch, Engine } from '../../../../shared/learning/engines/engine.ts';
import { openEngine } from '../../../../shared/learning/engines/open-engine.ts';
import {
  selfCheckBatch,
  selfCheckModel,
  selfCheckOptions,
  selfCheckWeights,
} from '../../../../shared/learning/engines/self-check-model.ts';
import { loadTensorFlow, type TensorFlow } from '../../../../shared/learning/engines/tensorflow-library.ts';
import { GraphBuilder } from '../../../../shared/learning/graph/builder.ts';
import type { Model } from '../../../../shared/learning/graph/types.ts';
import { initialWeights } from '../../../../shared/learning/weights.ts';

let engine: Engine;
let lib: TensorFlow;

beforeAll(async () => {
  engine = await openEngine('tensorflow-js');
  ({ lib } = await loadTensorFlow('tensorflow-js'));
}, 30_000);

/** logits = images · weight + bias, one pixel. */
function linearModel(): Model {
  const build = new GraphBuilder('linear');
  const images = build.input('images', ['N', 1, 1, 1]);
  build.input('weight', [1, 2]);
  build.input('bias', [2]);
  const flat = build.op('Flatten', [images]);
  build.op('Gemm', [flat, 'weight', 'bias'], {}, { outputs: ['logits'] });
  const zeros = { kind: 'zeros' } as const;
  return {
    graph: build.build(['logits']),
    parameters: [
      { name: 'weight', dims: [1, 2], kind: 'kernel', trainable: true, initializer: zeros },
      { name: 'bias', dims: [2], kind: 'bias', trainable: true, initializer: zeros },
    ],
    imageDims: [1, 1, 1],
    classCount: 2,
  };
}

describe('the TensorFlow.js engine', () => {
  it('gives the gradients of a linear classifier by hand', async () => {
    const compiled = await engine.compile(linearModel(), { batchSize: 2, loss: 'softmax' });
    const batch: Batch = {
      images: Float32Array.of(2, -1),
      targets: Float32Array.of(1, 0, 0, 1),
      sampleWeights: Float32Array.of(0.5, 0.25),
    };
    const out = new Float32Array(4);
    const { loss, logits } = await compiled.gradients(new Float32Array(4), batch, out);
    // With zero weights each probability is 1/2, so the logits' gradients are ±1/2 times the weight.
    expect(loss).toBeCloseTo(0.75 * Math.log(2), 6);
    expect([...logits]).toEqual([0, 0, 0, 0]);
    const [first, second] = [-0.5 * 0.5, 0.5 * 0.25];
    const weight = first * 2 + second * -1;
    expect([...out]).toEqual([weight, -weight, first + second, -(first + second)]);
    await compiled.dispose();
  });

  it('holds the same number of tensors after every call, and none after its disposal', async () => {
    const before = lib.memory().numTensors;
    for (const perExampleClipL2Norm of [undefined, 0.1]) {
      const options = {
        ...selfCheckOptions,
        ...(perExampleClipL2Norm === undefined ? {} : { perExampleClipL2Norm }),
      };
      const compiled = await engine.compile(selfCheckModel(), options);
      const weights = selfCheckWeights();
      const out = new Float32Array(weights.length);
      const held = lib.memory().numTensors;
      for (let i = 0; i < 2; i++) {
        await compiled.gradients(weights, selfCheckBatch(), out);
        await compiled.predict(weights, selfCheckBatch().images.subarray(0, 300));
        expect(lib.memory().numTensors).toBe(held);
      }
      await compiled.dispose();
      await compiled.dispose();
      expect(lib.memory().numTensors).toBe(before);
    }
  });

  it('leaves no tensor behind when a step fails', async () => {
    const model = cnn([1, 4, 4], 2, cnnOptionsSchema.parse({ filters: [2], dense: 0 }));
    const compiled = await engine.compile(model, { batchSize: 1, loss: 'softmax' });
    const weights = initialWeights(model, 1);
    const held = lib.memory().numTensors;
    const batch = {
      images: new Float32Array(16),
      targets: new Float32Array(2),
      sampleWeights: new Float32Array(1),
    };
    const short = { ...batch, targets: new Float32Array(1) };
    await expect(compiled.gradients(weights, short, weights.slice())).rejects.toThrow(
      'targets has 1 values, expected 2',
    );
    await expect(compiled.predict(weights, new Float32Array(17))).rejects.toThrow('whole images');
    expect(lib.memory().numTensors).toBe(held);
    await compiled.dispose();
    await expect(compiled.gradients(weights, batch, weights.slice())).rejects.toThrow('disposed');
  });

  it('refuses a second TensorFlow build in the same process', async () => {
    await expect(openEngine('tensorflow-gpu')).rejects.toThrow('this process already runs "tensorflow-js"');
  });
});
