/** First module of the training process when the program runs from its TypeScript sources. */
import { register } from 'tsx/esm/api';

register();
await import(new URL('./child.ts', import.meta.url).href);
