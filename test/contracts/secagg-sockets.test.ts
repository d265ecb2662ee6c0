/** The suites of secure aggregation over real connections; what takes many rounds runs in memory. */
import { secaggCoordinatorContract } from './secagg-coordinator.ts';
import { secaggDropoutContract } from './secagg-dropouts.ts';
import { secaggSiteContract } from './secagg-site.ts';
import { overSockets } from './secagg-transports.ts';

secaggDropoutContract('socket.io on loopback', overSockets, {
  singles: [4],
  points: ['before shares', 'before update', 'after update', 'before unmasked'],
  samePointPairs: [],
  mixedPairs: 0,
});
secaggCoordinatorContract('socket.io on loopback', overSockets, { simulatedTime: false });
secaggSiteContract('socket.io on loopback', overSockets);
