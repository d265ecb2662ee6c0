/** The table of dropouts, thinned where sites drop at different moments; the whole of it is `test/long`'s. */
import './remembered-modules.ts';
import { POINTS, spreadPatterns } from './dropout-patterns.ts';
import { secaggDropoutContract, secaggReturnContract } from './secagg-dropouts.ts';
import { MANNERS, secaggDropoutTables, type DropoutTable } from './secagg-dropout-table.ts';
import { inMemory } from './secagg-transports.ts';

/** Stride and number of patterns. */
const FEDERATIONS = [
  { sites: 3, threshold: 2, stride: 1, count: 31, whole: true },
  { sites: 4, threshold: 3, stride: 1, count: 41, whole: true },
  { sites: 5, threshold: 3, stride: 13, count: 221, whole: false },
  { sites: 6, threshold: 4, stride: 37, count: 248, whole: false },
] as const;

secaggDropoutContract('in memory', inMemory, { points: POINTS });
secaggReturnContract('in memory', inMemory);
secaggDropoutTables(
  FEDERATIONS.flatMap(({ sites, threshold, stride, count, whole }) => {
    const patterns = spreadPatterns({ sites, threshold }, stride);
    return MANNERS.flatMap((manner, i): DropoutTable[] => {
      if (manner === 'leaves' || whole) return [{ sites, threshold, manner, patterns, count }];
      // Each manner has its own part.
      const part = patterns.filter((_, at) => at % 10 === i);
      return [{ sites, threshold, manner, patterns: part, count: Math.ceil((count - i) / 10) }];
    });
  }),
);
