import { secaggRepairContract } from './secagg-repair.ts';
import { inMemory } from './secagg-transports.ts';

secaggRepairContract('in memory', inMemory);
