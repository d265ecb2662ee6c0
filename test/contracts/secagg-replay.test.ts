import './remembered-modules.ts';
import { secaggForgeryContract, secaggReplaySuite } from './secagg-replay.ts';
import { inMemory } from './secagg-transports.ts';

secaggReplaySuite();
secaggForgeryContract('in memory', inMemory);
