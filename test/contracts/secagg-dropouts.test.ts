import { ALL_POINTS, secaggDropoutContract, secaggReturnContract } from './secagg-dropouts.ts';
import { inMemory } from './secagg-transports.ts';

secaggDropoutContract('in memory', inMemory, {
  singles: [4, 5, 6],
  samePointPairs: ALL_POINTS,
  mixedPairs: 40,
});
secaggReturnContract('in memory', inMemory);
