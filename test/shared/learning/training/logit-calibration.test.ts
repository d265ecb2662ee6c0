import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Batch } from '../../../../shared/learning/engines/engine.ts';
import {
  calibratedGradients,
  logitBiasSpan,
} from '../../../../shared/learning/training/logit-calibration.ts';
import { recipeSchema } from '../../../../shared/learning/training/recipe.ts';
import { trainLocally } from '../../../../shared/learning/training/trainer.ts';
import { easyImages, fakeModel, regressionManifest } from './fake-model.ts';
import { manifestWith } from './manifests.ts';

const manifest = regressionManifest(2, 2);
const { start, end } = logitBiasSpan(manifest, 2);

/** Two images of class 1. */
const batch: Batch = {
  images: Float32Array.of(1, 2, 3, 4),
  targets: Float32Array.of(0, 1, 0, 1),
  sampleWeights: Float32Array.of(0.5, 0.5),
};

const gradientsOf = async (weights: Float32Array, counts: readonly number[], tau: number) => {
  const out = new Float32Array(manifest.length);
  const { loss } = await calibratedGradients(fakeModel(2, 2), manifest, { counts, tau })(weights, batch, out);
  return { loss, out };
};

describe('a calibrated loss', () => {
  it('at zero weights predicts the prior: its loss is −log prior and its gradient prior − target', async () => {
    const { loss, out } = await gradientsOf(new Float32Array(manifest.length), [1, 3], 1);
    expect(loss).toBeCloseTo(-Math.log(0.75), 6);
    expect(out[start]).toBeCloseTo(0.25, 6);
    expect(out[start + 1]).toBeCloseTo(0.75 - 1, 6);
  });

  it('of a site without a class leaves that class nearly alone', async () => {
    const { out } = await gradientsOf(new Float32Array(manifest.length), [0, 999], 1);
    // A missing class counts as half an example: its probability is 0.5/999.5.
    expect(out[start]).toBeCloseTo(0.0005, 5);
    const plain = await gradientsOf(new Float32Array(manifest.length), [0, 999], 0);
    expect(plain.out[start]).toBeCloseTo(0.5, 6);
  });

  it('is the plain loss at weights whose bias holds the prior, and leaves the weights as they are', async () => {
    const value = fc.float({ min: -3, max: 3, noNaN: true });
    await fc.assert(
      fc.asyncProperty(
        fc.array(value, { minLength: manifest.length, maxLength: manifest.length }),
        fc.tuple(fc.integer({ min: 1, max: 999 }), fc.integer({ min: 1, max: 999 })),
        fc.double({ min: 0.1, max: 2, noNaN: true }),
        async (values, counts, tau) => {
          const weights = Float32Array.from(values);
          const shifted = weights.slice();
          const total = counts[0] + counts[1];
          counts.forEach((count, c) => {
            shifted[start + c] = (shifted[start + c] ?? 0) + tau * Math.log(count / total);
          });
          const calibrated = await gradientsOf(weights, counts, tau);
          const plain = await gradientsOf(shifted, counts, 0);
          calibrated.out.forEach((gradient, i) => {
            expect(gradient).toBeCloseTo(plain.out[i] ?? NaN, 4);
          });
          expect([...weights]).toEqual([...Float32Array.from(values)]);
        },
      ),
    );
  });

  it('puts the weights back when the engine fails', async () => {
    const weights = new Float32Array(manifest.length).fill(0.25);
    const failing = { gradients: () => Promise.reject(new Error('no device')) };
    const gradients = calibratedGradients(failing, manifest, { counts: [1, 3], tau: 1 });
    await expect(gradients(weights, batch, new Float32Array(manifest.length))).rejects.toThrow('no device');
    expect([...weights]).toEqual(Array<number>(manifest.length).fill(0.25));
  });

  it('needs a bias on the logits', () => {
    const without = manifestWith([{ kind: 'kernel', length: 4 }]);
    const calibrate = (tau: number) => calibratedGradients(fakeModel(2, 2), without, { counts: [1, 1], tau });
    expect(() => calibrate(1)).toThrow('no bias on its logits');
    expect(() => calibrate(0)).not.toThrow();
  });

  it('in training makes up for the mix of the classes: the model is for equally frequent ones', async () => {
    // Images that say nothing: all that can be learnt is how frequent the classes are.
    const { labels, ...rest } = easyImages(40, 2, 2);
    const data = { ...rest, images: new Float32Array(80), labels: labels.map((_, i) => (i < 10 ? 0 : 1)) };
    const biasAfter = async (logitCalibrationTau: number) => {
      const recipe = recipeSchema.parse({
        ...{ optimizer: { kind: 'sgd', momentum: 0 }, schedule: { kind: 'constant' } },
        ...{ learningRate: 1, batchSize: 40, epochs: 100, logitCalibrationTau },
      });
      const input = { compiled: fakeModel(2, 2), manifest, data, classCount: 2, recipe };
      const seed = { run: 1, round: 1, site: 'a' };
      const { weights } = await trainLocally({ ...input, weights: new Float32Array(manifest.length), seed });
      const [first = NaN, second = NaN] = weights.subarray(start, end);
      return second - first;
    };
    expect(await biasAfter(0)).toBeCloseTo(Math.log(3), 3);
    expect(await biasAfter(1)).toBeCloseTo(0, 3);
  });
});
