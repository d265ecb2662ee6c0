import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRng, deriveSeed } from '../../../shared/rng.ts';
import {
  counterLimbs,
  fromFixedPoint,
  packCounter,
  toFixedPoint,
  unpackCounter,
} from '../../../shared/secagg/counters.ts';
import { flatten, flattenedLength, unflatten } from '../../../shared/secagg/flatten.ts';
import { decodeSum, encodeContribution, vectorLayout } from '../../../shared/secagg/masked-vector.ts';
import { addInto, newRingVector, RING_BITS, ringByteLength } from '../../../shared/secagg/ring.ts';

const LARGEST = 2 ** 40 - 1;
const flattening = deriveSeed('flattening', 1);
const norm = (vector: Float64Array): number => Math.hypot(...vector);

describe('counters', () => {
  it('are digits that a cohort cannot make overflow, hand-checked', () => {
    expect(counterLimbs(32, 10)).toBe(2);
    expect(counterLimbs(16, 10)).toBe(4);
    expect(counterLimbs(8, 10)).toBe(10);
    expect(counterLimbs(8, 31)).toBe(14);
    const out = newRingVector(8, 10);
    // Ten sites leave digits of four bits.
    packCounter(0x12345, { bits: 8, cohort: 10, offset: 0 }, out);
    expect([...out]).toEqual([5, 4, 3, 2, 1, 0, 0, 0, 0, 0]);
  });

  it.each(RING_BITS)('add up exactly, also the largest of a full cohort (%d bits)', (bits) => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.constant(LARGEST), fc.integer({ min: 0, max: LARGEST })), {
          minLength: 1,
          maxLength: 31,
        }),
        (values) => {
          const place = { bits, cohort: values.length, offset: 2 };
          const sum = newRingVector(bits, 2 + counterLimbs(bits, values.length));
          for (const value of values) {
            const out = newRingVector(bits, sum.length);
            packCounter(value, place, out);
            addInto(sum, out);
          }
          expect(unpackCounter(sum, place)).toBe(values.reduce((a, b) => a + b, 0));
          expect([...sum.subarray(0, 2)]).toEqual([0, 0]);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('refuse what they cannot hold', () => {
    const place = { bits: 8, cohort: 10, offset: 0 } as const;
    for (const value of [-1, 0.5, 2 ** 40, NaN])
      expect(() => {
        packCounter(value, place, newRingVector(8, 10));
      }, String(value)).toThrow('a counter holds');
    expect(() => counterLimbs(8, 200)).toThrow('no counters for 200 sites');
    expect(() => counterLimbs(32, 8193)).toThrow('no counters');
  });

  it('hold metrics in fixed point, rounded and never too large', () => {
    expect(toFixedPoint(1.25, 10)).toBe(1280);
    expect(fromFixedPoint(1280, 10)).toBe(1.25);
    expect(toFixedPoint(1e300, 10)).toBe(LARGEST);
    expect(toFixedPoint(Infinity, 10)).toBe(LARGEST);
    for (const value of [-1, NaN]) expect(() => toFixedPoint(value, 10)).toThrow('0 or more');
  });
});

describe('flattening', () => {
  it('pads by at most a thirty-second', () => {
    for (const length of [1, 31, 32, 100, 1000, 99_999, 224_000, 1_000_003]) {
      const flat = flattenedLength(length);
      expect(flat, String(length)).toBeGreaterThanOrEqual(length);
      expect(flat, String(length)).toBeLessThanOrEqual(length * (1 + 1 / 32));
    }
  });

  it('keeps the norm and is undone exactly, for any length', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3000 }), fc.nat(), (length, seed) => {
        const rng = createRng(deriveSeed('values', seed));
        const values = Float64Array.from({ length }, () => rng.normal());
        const flat = flatten(values, flattening);
        expect(flat).toHaveLength(flattenedLength(length));
        expect(norm(flat)).toBeCloseTo(norm(values), 8);
        const back = unflatten(flat, length, flattening);
        const error = Math.max(...back.map((value, i) => Math.abs(value - (values[i] ?? 0))));
        expect(error).toBeLessThan(1e-12);
      }),
      { numRuns: 40 },
    );
  });

  it('spreads one large coordinate over its block', () => {
    const values = new Float64Array(4096);
    values[7] = 1;
    const flat = flatten(values, flattening);
    const block = 128;
    const touched = flat.filter((value) => value !== 0);
    expect(touched).toHaveLength(block);
    for (const value of touched) expect(Math.abs(value)).toBeCloseTo(1 / Math.sqrt(block), 12);
  });

  it('is linear, so that sums of flattened vectors are flattened sums', () => {
    const rng = createRng(deriveSeed('linear'));
    const [a, b] = [0, 1].map(() => Float64Array.from({ length: 500 }, () => rng.normal()));
    if (!a || !b) throw new Error('two vectors');
    const sum = flatten(a, flattening).map((value, i) => value + (flatten(b, flattening)[i] ?? 0));
    const expected = a.map((value, i) => value + (b[i] ?? 0));
    unflatten(sum, 500, flattening).forEach((value, i) => {
      expect(value).toBeCloseTo(expected[i] ?? 0, 10);
    });
    expect(() => unflatten(new Float64Array(499), 500, flattening)).toThrow('no flattened one of 500');
  });
});

describe('contributions', () => {
  const contributionOf = (seed: number, length: number) => {
    const rng = createRng(deriveSeed('delta', seed));
    return Float32Array.from({ length }, (_, i) => rng.normal() * (i < length / 10 ? 0.1 : 0.001));
  };

  it.each(RING_BITS)('add up to the weighted, clipped mean and exact counters (%d bits)', (bits) => {
    const [cohort, parameterCount] = [10, 5000];
    const clipL2Norm = 2;
    const layout = vectorLayout({ bits, cohort, clipL2Norm, parameterCount, counterCount: 3 });
    const sum = newRingVector(bits, layout.length);
    const expected = new Float64Array(parameterCount);
    for (let site = 0; site < cohort; site++) {
      const delta = contributionOf(site, parameterCount);
      const weight = (site + 1) / cohort;
      const rng = createRng(deriveSeed('rounding', site));
      const counters = [site + 1, 2 ** 39 + site, 0];
      addInto(sum, encodeContribution({ delta, weight, counters }, layout, { rng, flattening }));
      const scale = weight * Math.min(1, clipL2Norm / norm(Float64Array.from(delta)));
      delta.forEach((value, i) => {
        expected[i] = (expected[i] ?? 0) + scale * value;
      });
    }
    const decoded = decodeSum(sum, layout, flattening);
    expect(decoded.counters).toEqual([55, 10 * 2 ** 39 + 45, 0]);
    const error = norm(expected.map((value, i) => value - (decoded.delta[i] ?? 0))) / cohort;
    // 4/(B·√(6K)) of the clip, as the quantiser says, and a quarter more.
    const steps = layout.quantiser.bound / 4;
    const bar = bits === 32 ? 1e-6 : (1.25 * clipL2Norm) / (steps * Math.sqrt(6 * cohort));
    expect(error).toBeLessThan(bar);
  });

  it('stay within the promised share of float32, at 100,000 parameters and above', () => {
    for (const parameterCount of [100_000, 224_000, 1_000_003]) {
      for (const [bits, share] of [
        [8, 0.27],
        [16, 0.52],
        [32, 1.01],
      ] as const) {
        const layout = vectorLayout({ bits, cohort: 10, clipL2Norm: 1, parameterCount, counterCount: 40 });
        const bytes = ringByteLength(bits, layout.length);
        expect(bytes / (4 * parameterCount), `${String(bits)} bits`).toBeLessThan(share - 0.005 * share);
      }
    }
  });

  it('are refused where they break the layout', () => {
    const layout = vectorLayout({
      ...{ bits: 32, cohort: 5, clipL2Norm: 1, parameterCount: 4, counterCount: 1 },
    });
    const randomness = { rng: createRng(deriveSeed('x')), flattening };
    const good = { delta: new Float32Array(4), weight: 1, counters: [1] };
    for (const bad of [
      { ...good, delta: new Float32Array(5) },
      { ...good, counters: [] },
      { ...good, weight: 1.01 },
      { ...good, weight: NaN },
      { ...good, counters: [2 ** 40] },
    ])
      expect(() => encodeContribution(bad, layout, randomness)).toThrow();
    expect(() => decodeSum(new Uint32Array(4), layout, flattening)).toThrow('another length');
    expect(encodeContribution(good, layout, randomness)).toHaveLength(layout.length);
  });
});
