import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addUpdate, applyFedAvg, initFedAvg, isSummable } from '../../../coordinator/aggregation/fedavg.ts';
import type { UpdatePayload } from '../../../shared/protocol/update-payload.ts';

const update = (exampleCount: number, ...delta: number[]): UpdatePayload => ({
  exampleCount,
  meanLoss: 0,
  delta: Float32Array.from(delta),
});

function average(globalWeights: Float32Array, updates: readonly UpdatePayload[]): Float32Array {
  const sum = initFedAvg(globalWeights.length);
  for (const one of updates) addUpdate(sum, one);
  return applyFedAvg(sum, globalWeights);
}

describe('federated averaging', () => {
  it('weights by examples: (10·[1, 2] + 30·[3, −2]) / 40 = [2.5, −1]', () => {
    const weights = average(Float32Array.of(1, 1), [update(10, 1, 2), update(30, 3, -2)]);
    expect([...weights]).toEqual([3.5, 0]);
  });

  it('of one site is that site’s weights', () => {
    expect([...average(Float32Array.of(0.5, -0.25), [update(7, 0.25, 0.125)])]).toEqual([0.75, -0.125]);
  });

  it('follows a naive float64 average to the last bits of float32', () => {
    const updates = [update(13, 0.1, -0.7), update(200, 0.3, 1e-3), update(57, -0.21, 0.004)];
    const weights = average(Float32Array.of(0.9, -1.3), updates);
    const total = updates.reduce((sum, u) => sum + u.exampleCount, 0);
    weights.forEach((value, i) => {
      const mean = updates.reduce((sum, u) => sum + u.exampleCount * (u.delta[i] ?? 0), 0) / total;
      expect(value).toBeCloseTo(([0.9, -1.3][i] ?? 0) + mean, 6);
    });
  });

  it('does not depend on the order of arrival, bit for bit', () => {
    const delta = fc.float32Array({ minLength: 3, maxLength: 3, min: -4, max: 4, noNaN: true });
    const anyUpdate = fc
      .tuple(fc.integer({ min: 1, max: 100_000 }), delta)
      .map(([count, values]) => update(count, ...values));
    const property = fc.property(
      fc
        .array(anyUpdate, { minLength: 2, maxLength: 12 })
        .chain((all) =>
          fc.tuple(
            fc.constant(all),
            fc.shuffledSubarray(all, { minLength: all.length, maxLength: all.length }),
          ),
        ),
      ([updates, shuffled]) => {
        const start = Float32Array.of(0.1, 0.2, 0.3);
        expect(average(start, shuffled)).toEqual(average(start, updates));
      },
    );
    fc.assert(property, { numRuns: 200 });
  });

  it('sums a full cohort at the edge of the range exactly, and knows the edge', () => {
    const edge = update(1, 2 ** 23);
    expect(isSummable(2 ** 23, 1)).toBe(true);
    expect(isSummable(2 ** 23 + 1, 1)).toBe(false);
    expect(isSummable(2 ** 23, 2)).toBe(false);
    const sum = initFedAvg(1);
    for (let i = 0; i < 1024; i++) addUpdate(sum, edge);
    expect(sum.terms[0]).toBe(2 ** 53);
    expect(applyFedAvg(sum, Float32Array.of(0))[0]).toBe(2 ** 23);
  });

  it('refuses what admission should have refused', () => {
    const sum = initFedAvg(2);
    expect(() => {
      addUpdate(sum, update(1, 1));
    }).toThrow('length');
    expect(() => {
      addUpdate(sum, update(1, 1, 2 ** 24));
    }).toThrow('too large');
    expect(() => applyFedAvg(sum, Float32Array.of(0, 0))).toThrow('at least one');
  });
});
