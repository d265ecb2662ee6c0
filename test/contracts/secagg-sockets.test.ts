/** The suites of secure aggregation over real connections; what takes many rounds runs in memory. */
import { secaggCoordinatorContract } from './secagg-coordinator.ts';
import { secaggDropoutContract } from './secagg-dropouts.ts';
import { secaggRepairContract } from './secagg-repair.ts';
import { secaggForgeryContract } from './secagg-replay.ts';
import { secaggSiteContract } from './secagg-site.ts';
import { overSockets } from './secagg-transports.ts';

secaggDropoutContract('socket.io on loopback', overSockets, {
  points: ['before shares', 'before update', 'after update', 'before unmasked'],
});
secaggCoordinatorContract('socket.io on loopback', overSockets);
secaggSiteContract('socket.io on loopback', overSockets);
secaggForgeryContract('socket.io on loopback', overSockets);
secaggRepairContract('socket.io on loopback', overSockets);
