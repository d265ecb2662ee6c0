/** First module of a demo's process when the program runs from its TypeScript sources. */
import { register } from 'tsx/esm/api';

register();
await import(new URL('./member.ts', import.meta.url).href);
