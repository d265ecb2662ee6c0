import { describe, expect, it } from 'vitest';
import { cohortRefusal, thresholdOf, toleratedDrops } from '../../../shared/secagg/threshold.ts';

describe('the threshold', () => {
  it.each([
    [3, 3, 0],
    [4, 3, 1],
    [5, 4, 1],
    [6, 5, 1],
    [10, 7, 3],
    [100, 67, 33],
  ])('of %d sites is %d and forgives %d drops', (n, threshold, drops) => {
    expect([thresholdOf(n), toleratedDrops(n)]).toEqual([threshold, drops]);
  });

  it('leaves no room for two answers: two disjoint sets of t would need more than a third twice', () => {
    for (let n = 1; n <= 300; n++) {
      expect(2 * thresholdOf(n) - n, String(n)).toBeGreaterThan(n / 3);
      expect(toleratedDrops(n), String(n)).toBeGreaterThanOrEqual(0);
    }
  });

  it('refuses one and two sites, and three and four without the acknowledgement', () => {
    const refusals = (acknowledgedSmallCohort: boolean) =>
      [1, 2, 3, 4, 5, 6].map((n) => cohortRefusal(n, { acknowledgedSmallCohort }));
    const [few, small] = ['too-few-sites', 'small-cohort-not-acknowledged'];
    expect(refusals(false)).toEqual([few, few, small, small, undefined, undefined]);
    expect(refusals(true)).toEqual([few, few, undefined, undefined, undefined, undefined]);
    expect(() => cohortRefusal(0, { acknowledgedSmallCohort: true })).toThrow('1 or more sites, not 0');
    expect(() => thresholdOf(2.5)).toThrow('2.5');
  });
});
