import { secaggCoordinatorContract } from './secagg-coordinator.ts';
import { inMemory } from './secagg-transports.ts';

secaggCoordinatorContract('in memory', inMemory);
