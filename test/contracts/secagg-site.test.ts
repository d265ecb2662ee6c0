import { secaggSiteContract } from './secagg-site.ts';
import { inMemory } from './secagg-transports.ts';

secaggSiteContract('in memory', inMemory);
