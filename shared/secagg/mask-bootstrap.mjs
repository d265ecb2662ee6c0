/**
 * First module of a mask thread when the program runs from its TypeScript sources: worker threads do not inherit tsx's
 * loader on Node 20. Compiled code starts `mask-worker.js` directly and never comes here.
 */
import { register } from 'tsx/esm/api';

register();
const { default: run } = await import(new URL('./mask-worker.ts', import.meta.url).href);
export default run;
