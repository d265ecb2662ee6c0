/** Resolves when the event loop has gone round: whoever works for long lets sockets and timers be heard in between. */
import { setImmediate } from 'node:timers/promises';

export const nextTurn = (): Promise<void> => setImmediate();
