import { describe, expect, it } from 'vitest';
import { architectureSchema, buildModel } from '../../../shared/learning/architectures/architecture.ts';
import { openNativeEngine } from '../../../shared/learning/engines/onnx-native.ts';
import { STANDARD_TARGET } from '../../../shared/learning/lower/target.ts';
import { convolutionalPart, microBatchOf } from '../../../shared/learning/micro-batch.ts';
import { initialWeights, sizeOf } from '../../../shared/learning/weights.ts';
import { createRng, deriveSeed } from '../../../shared/rng.ts';

const cnn = (imageDims: readonly [number, number, number], options = {}) =>
  buildModel(architectureSchema.parse({ name: 'cnn', options }), imageDims, 2);

describe('micro-batches', () => {
  it('are taken where the activations outgrow the cache', () => {
    expect(microBatchOf(cnn([1, 28, 28]).graph, 32)).toBeUndefined();
    // 16·64² + 16·32² + 32·32² + 32·16² + 64·16² activations and as many features: about .6 MB an example.
    expect(microBatchOf(cnn([1, 64, 64]).graph, 32)).toBe(4);
    expect(microBatchOf(cnn([3, 256, 256]).graph, 32)).toBe(4);
    expect(microBatchOf(cnn([3, 256, 256]).graph, 4)).toBeUndefined();
  });

  it('are not taken where a layer sees the whole batch', () => {
    expect(convolutionalPart(cnn([1, 64, 64], { normalization: 'batch' }).graph)).toBeUndefined();
    const resnet = buildModel(architectureSchema.parse({ name: 'resnet' }), [1, 64, 64], 2);
    expect(microBatchOf(resnet.graph, 32)).toBeUndefined();
  });

  it.each([
    ['plain', {}],
    ['with per-example clipping', { perExampleClipL2Norm: 0.05 }],
  ])(
    'change nothing but the order of sums, for a batch that they do not divide too: %s',
    async (_, options) => {
      const model = cnn([1, 66, 64], { filters: [16, 16], dense: 8 });
      const batchSize = 30;
      expect(microBatchOf(model.graph, batchSize)).toBe(4);
      const rng = createRng(deriveSeed('micro-batch'));
      const batch = {
        images: Float32Array.from({ length: batchSize * sizeOf(model.imageDims) }, () => rng.uniform()),
        targets: Float32Array.from({ length: batchSize * 2 }, (_, i) => ((i >> 1) % 2 === i % 2 ? 1 : 0)),
        sampleWeights: Float32Array.from({ length: batchSize }, () => rng.uniform() / batchSize),
      };
      const weights = initialWeights(model, 3);
      const gradientsWith = async (microBatches: boolean) => {
        const engine = await openNativeEngine({ target: { ...STANDARD_TARGET, microBatches } });
        const compiled = await engine.compile(model, { batchSize, loss: 'softmax', ...options });
        const out = new Float32Array(weights.length);
        const { loss, logits } = await compiled.gradients(weights, batch, out);
        const result = { loss, logits: logits.slice(), out };
        await compiled.dispose();
        return result;
      };
      const [whole, parts] = [await gradientsWith(false), await gradientsWith(true)];
      expect(parts.loss).toBeCloseTo(whole.loss, 6);
      const norm = Math.sqrt(whole.out.reduce((sum, value) => sum + value * value, 0));
      const difference = Math.sqrt(
        whole.out.reduce((sum, value, i) => sum + (value - (parts.out[i] ?? NaN)) ** 2, 0),
      );
      expect(norm).toBeGreaterThan(0.001);
      expect(difference).toBeLessThan(1e-5 * norm);
      const largest = Math.max(...whole.logits.map((value, i) => Math.abs(value - (parts.logits[i] ?? NaN))));
      expect(largest).toBeLessThan(1e-5);
    },
  );
});
