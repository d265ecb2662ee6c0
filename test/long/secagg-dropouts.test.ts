/** The whole table of dropouts: every subset of at most n − t sites, for every n up to 6, at and between all phases. */
import '../contracts/remembered-modules.ts';
import { describe, expect, it } from 'vitest';
import { dropPatterns } from '../contracts/dropout-patterns.ts';
import { MANNERS, secaggDropoutTables, type DropoutTable } from '../contracts/secagg-dropout-table.ts';

/** All thresholds above half; where there are two, the higher one is the default of ⌊2n/3⌋ + 1. */
const FEDERATIONS = [
  { sites: 3, threshold: 2, count: 31 },
  { sites: 3, threshold: 3, count: 1 },
  { sites: 4, threshold: 3, count: 41 },
  { sites: 5, threshold: 3, count: 1051 },
  { sites: 5, threshold: 4, count: 51 },
  { sites: 6, threshold: 4, count: 1561 },
  { sites: 6, threshold: 5, count: 61 },
] as const;

secaggDropoutTables(
  FEDERATIONS.flatMap(({ sites, threshold, count }) => {
    const patterns = dropPatterns({ sites, threshold });
    return MANNERS.map((manner): DropoutTable => ({ sites, threshold, manner, patterns, count }));
  }),
);

describe('the table of dropouts', () => {
  it('has 2797 patterns, each in four manners', () => {
    const choose = (n: number, k: number): number => (k === 0 ? 1 : (choose(n - 1, k - 1) * n) / k);
    for (const { sites, threshold, count } of FEDERATIONS) {
      let expected = 0;
      for (let k = 0; k <= sites - threshold; k++) expected += choose(sites, k) * 10 ** k;
      expect(count).toBe(expected);
    }
    expect(FEDERATIONS.reduce((sum, { count }) => sum + count, 0)).toBe(2797);
    expect(MANNERS).toHaveLength(4);
  });
});
