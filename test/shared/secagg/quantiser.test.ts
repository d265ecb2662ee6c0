import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRng, deriveSeed } from '../../../shared/rng.ts';
import {
  clipToNorm,
  dequantiseSum,
  exampleWeight,
  largestCohort,
  quantise,
  quantiserFor,
  SMALLEST_BOUND,
} from '../../../shared/secagg/quantiser.ts';
import { addInto, newRingVector, RING_BITS } from '../../../shared/secagg/ring.ts';

const rngOf = (seed: number) => createRng(deriveSeed('quantiser', seed));

describe('the bound', () => {
  it('is ⌊(2^(bits−1) − 1)/K⌋, hand-checked', () => {
    const boundOf = (bits: 8 | 16 | 32, cohort: number) =>
      quantiserFor({ bits, cohort, clip: 1, length: 100 }).bound;
    expect(boundOf(32, 100)).toBe(21_474_836);
    expect(boundOf(32, 10)).toBe(214_748_364);
    expect(boundOf(16, 10)).toBe(3276);
    expect(boundOf(8, 10)).toBe(12);
    expect(boundOf(8, 31)).toBe(4);
  });

  it.each(RING_BITS)('keeps the sum of the largest cohort inside %d bits, whatever the signs', (bits) => {
    for (const cohort of [1, 2, 3, 10, 31, largestCohort(bits)]) {
      const { bound } = quantiserFor({ bits, cohort, clip: 1, length: 1 });
      expect(cohort * bound, String(cohort)).toBeLessThanOrEqual(2 ** (bits - 1) - 1);
      expect(bound, String(cohort)).toBeGreaterThanOrEqual(SMALLEST_BOUND);
    }
  });

  it('refuses the cohort beyond the largest, and says what to do', () => {
    expect(largestCohort(8)).toBe(31);
    expect(() => quantiserFor({ bits: 8, cohort: 32, clip: 1, length: 9 })).toThrow(
      'a ring of 8 bits leaves 3 steps to each of 32 sites, fewer than 4: use a wider ring or at most 31 sites',
    );
    expect(() => quantiserFor({ bits: 32, cohort: 0, clip: 1 })).toThrow('the cohort has 0 sites');
    for (const clip of [0, -1, NaN, Infinity])
      expect(() => quantiserFor({ bits: 32, cohort: 3, clip }), String(clip)).toThrow('the clip norm is');
    expect(() => quantiserFor({ bits: 8, cohort: 3, clip: 1 })).toThrow('needs the length');
  });

  it('spans the clip in 32 bits and four deviations of a flat vector below', () => {
    expect(quantiserFor({ bits: 32, cohort: 3, clip: 2 }).range).toBe(2);
    expect(quantiserFor({ bits: 8, cohort: 3, clip: 2, length: 6400 }).range).toBeCloseTo(0.1, 12);
    expect(quantiserFor({ bits: 16, cohort: 3, clip: 2, length: 4 }).range).toBe(2);
  });
});

describe('clipping', () => {
  it('scales down to the norm and never up', () => {
    expect(clipToNorm(Float32Array.of(3, 4), 2.5)).toEqual({ vector: Float64Array.of(1.5, 2), norm: 5 });
    expect(clipToNorm(Float32Array.of(3, 4), 10)).toEqual({ vector: Float64Array.of(3, 4), norm: 5 });
    expect([...clipToNorm(new Float32Array(2), 1).vector]).toEqual([0, 0]);
  });

  it('refuses an update that has diverged', () => {
    for (const value of [NaN, Infinity])
      expect(() => clipToNorm(Float32Array.of(1, value), 1)).toThrow('not finite');
  });
});

describe('rounding', () => {
  it.each(RING_BITS)(
    'is exact at the ends of the range, for all-equal signs of a full cohort (%d bits)',
    (bits) => {
      for (const cohort of [3, 10, largestCohort(bits)]) {
        for (const sign of [1, -1]) {
          const quantiser = quantiserFor({ bits, cohort, clip: 3, length: 9 });
          const values = new Float64Array(4).fill(sign * quantiser.range);
          const one = newRingVector(bits, 4);
          quantise(values, quantiser, rngOf(cohort), one);
          const sum = newRingVector(bits, 4);
          // The largest cohort of 32 bits has half a billion sites: multiplying adds them up.
          sum.set(one.map((value) => Math.imul(value, cohort)));
          for (const total of dequantiseSum(sum, quantiser))
            expect(total, String(cohort)).toBeCloseTo(sign * cohort * quantiser.range, 5);
        }
      }
    },
  );

  it('is unbiased: the mean of many roundings is the value, within five deviations', () => {
    const quantiser = quantiserFor({ bits: 8, cohort: 10, clip: 1, length: 1 });
    const values = Float64Array.of(0, 0.01, -0.01, 0.03, 0.5, -0.777, 1, -1);
    const rng = rngOf(1);
    const trials = 20_000;
    const sums = new Float64Array(values.length);
    const out = newRingVector(8, values.length);
    for (let trial = 0; trial < trials; trial++) {
      quantise(values, quantiser, rng, out);
      dequantiseSum(out, quantiser).forEach((value, i) => {
        sums[i] = (sums[i] ?? 0) + value;
      });
    }
    values.forEach((value, i) => {
      // The deviation of one rounding is √(f(1 − f)) steps, at most a half.
      const steps = value * quantiser.scale;
      const fraction = steps - Math.floor(steps);
      const deviation = Math.sqrt((fraction * (1 - fraction)) / trials) / quantiser.scale;
      expect(Math.abs((sums[i] ?? 0) / trials - value), String(value)).toBeLessThanOrEqual(
        5 * deviation + 1e-12,
      );
    });
  });

  it('adds up to the sum of the values within one step a site', () => {
    fc.assert(
      fc.property(
        fc.nat(),
        fc.constantFrom(...RING_BITS),
        fc.integer({ min: 1, max: 31 }),
        (seed, bits, cohort) => {
          const rng = rngOf(seed);
          const quantiser = quantiserFor({ bits, cohort, clip: 2.5, length: 16 });
          const sum = newRingVector(bits, 16);
          const expected = new Float64Array(16);
          for (let k = 0; k < cohort; k++) {
            const values = expected.map(() => (2 * rng.uniform() - 1) * quantiser.range);
            const out = newRingVector(bits, 16);
            expect(quantise(values, quantiser, rng, out)).toBe(0);
            addInto(sum, out);
            values.forEach((value, i) => {
              expected[i] = (expected[i] ?? 0) + value;
            });
          }
          const largest = cohort / quantiser.scale + 1e-9;
          dequantiseSum(sum, quantiser).forEach((value, i) => {
            expect(Math.abs(value - (expected[i] ?? 0))).toBeLessThanOrEqual(largest);
          });
        },
      ),
      { numRuns: 60 },
    );
  });

  it('is as exact in 32 bits as the design says: at most K/B of the clip over 100 sites', () => {
    const { scale } = quantiserFor({ bits: 32, cohort: 100, clip: 1 });
    expect(100 / scale).toBeCloseTo(4.66e-6, 8);
  });

  it('is the same for the same seed and needs one number a coordinate', () => {
    const quantiser = quantiserFor({ bits: 16, cohort: 5, clip: 1, length: 3 });
    const rounded = (first: number) => {
      const out = newRingVector(16, 3);
      quantise(Float64Array.of(first, 0.1234, -0.4321), quantiser, rngOf(7), out);
      return [...out];
    };
    expect(rounded(0.3)).toEqual(rounded(0.3));
    expect(rounded(0).slice(1)).toEqual(rounded(0.3).slice(1));
  });

  it('clips and counts in the narrow rings, and refuses in the wide one', () => {
    const narrow = quantiserFor({ bits: 8, cohort: 10, clip: 1, length: 64 });
    const out = newRingVector(8, 3);
    expect(quantise(Float64Array.of(0.9, -0.9, 0), narrow, rngOf(1), out)).toBe(2);
    expect([...dequantiseSum(out, narrow)]).toEqual([0.5, -0.5, 0]);
    const wide = quantiserFor({ bits: 32, cohort: 10, clip: 1 });
    expect(() => quantise(Float64Array.of(1.01), wide, rngOf(1), newRingVector(32, 1))).toThrow(
      'coordinate 0 of the update is outside the clip range',
    );
    for (const value of [NaN, Infinity, -Infinity])
      expect(() => quantise(Float64Array.of(value), narrow, rngOf(1), out), String(value)).toThrow('outside');
    expect(() => quantise(new Float64Array(2), wide, rngOf(1), newRingVector(32, 1))).toThrow('shorter');
  });
});

describe('weights', () => {
  it('grow with the examples up to the cap', () => {
    expect([0, 50, 100, 1000].map((count) => exampleWeight(count, 100))).toEqual([0, 0.5, 1, 1]);
    expect(() => exampleWeight(-1, 100)).toThrow('have no weight');
    expect(() => exampleWeight(1, 0)).toThrow('have no weight');
  });
});
