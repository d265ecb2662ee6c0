import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fitTemperature } from '../../../../shared/learning/metrics/temperature.ts';
import { createRng, deriveSeed } from '../../../../shared/rng.ts';

/** Labels drawn from the softmax of `logits`. */
function draw(count: number, seed: number): { logits: Float64Array; labels: Int32Array } {
  const rng = createRng(deriveSeed('temperature-test', seed));
  const logits = Float64Array.from({ length: 2 * count }, () => 2 * rng.normal());
  const labels = Int32Array.from({ length: count }, (_, i) => {
    const margin = (logits[2 * i + 1] ?? 0) - (logits[2 * i] ?? 0);
    return rng.uniform() < 1 / (1 + Math.exp(-margin)) ? 1 : 0;
  });
  return { logits, labels };
}

describe('temperature scaling', () => {
  it('by hand: three of four right at a margin of 2 calls for the margin ln 3', () => {
    const labels = Int32Array.from({ length: 20 }, (_, i) => (i % 4 === 0 ? 1 : 0));
    const logits = Float32Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? 2 : 0));
    const fit = fitTemperature(logits, labels, 2, Infinity);
    expect(fit?.temperature).toBeCloseTo(2 / Math.log(3), 9);
    expect(fit?.logLossAfter).toBeCloseTo(-(0.75 * Math.log(0.75) + 0.25 * Math.log(0.25)), 9);
    expect(fit?.logLossBefore).toBeCloseTo(Math.log(1 + Math.exp(-2)) + 0.5, 9);
  });

  it('finds the factor by which true logits were stretched', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.5, max: 5, noNaN: true }), fc.nat(1000), (stretch, seed) => {
        const { logits, labels } = draw(400, seed);
        const own = fitTemperature(logits, labels, 2, Infinity)?.temperature ?? NaN;
        const wider = logits.map((logit) => logit * stretch);
        const stretched = fitTemperature(wider, labels, 2, Infinity)?.temperature ?? NaN;
        const expected = Math.min(10, Math.max(0.25, own * stretch));
        expect(stretched).toBeCloseTo(expected, 6);
      }),
      { numRuns: 25 },
    );
  });

  it('is near 1 for probabilities that are true, and never makes the log loss worse', () => {
    const { logits, labels } = draw(5000, 3);
    const fit = fitTemperature(logits, labels, 2);
    expect(Math.abs((fit?.temperature ?? NaN) - 1)).toBeLessThan(0.1);
    expect(fit?.logLossAfter).toBeLessThanOrEqual(fit?.logLossBefore ?? NaN);
  });

  it('stays nearer to 1 the fewer the images are: the prior weighs one time, each image as well', () => {
    const { logits, labels } = draw(3000, 5);
    const sharp = logits.map((logit) => logit / 2);
    const temperatures = [40, 300, 3000].map(
      (n) => fitTemperature(sharp.subarray(0, 2 * n), labels.subarray(0, n), 2)?.temperature ?? NaN,
    );
    const [few = NaN, some = NaN, many = NaN] = temperatures;
    expect(few).toBeGreaterThan(some);
    expect(some).toBeGreaterThan(many);
    expect(few).toBeLessThan(1);
    expect(Math.abs(many - 0.5)).toBeLessThan(0.06);
  });

  it('is bounded where every example is right, and undefined for a handful of them', () => {
    const logits = Float32Array.from({ length: 60 }, (_, i) => (i % 3 === 0 ? 5 : 0));
    expect(fitTemperature(logits, new Int32Array(20), 3, Infinity)?.temperature).toBeCloseTo(0.25, 9);
    expect(fitTemperature(logits.subarray(0, 57), new Int32Array(19), 3)).toBeUndefined();
  });
});
