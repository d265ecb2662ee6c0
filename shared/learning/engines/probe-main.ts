/** Process that tries the engine named by its argument and sends a `ProbeReport` to its parent. */
import { z } from 'zod';
import { ENGINE_NAMES } from './engine.ts';
import { openEngine } from './open-engine.ts';
import { probeHere } from './probe-engine.ts';

const name = z.enum(ENGINE_NAMES).parse(process.argv[2]);
const report = await probeHere(name, openEngine);
process.send?.(report, () => {
  process.disconnect();
});
