/**
 * Where a round's events are kept before their effects go out. Folding `beginRound` and `step` over the entries, and
 * repeating their `accumulate` effects alone, restores the round and its sum.
 */
import type { RoundEvent, RoundStart } from './events.ts';

export interface Journal {
  /** Resolves once the entry would survive the process. */
  append(entry: RoundStart | RoundEvent): Promise<void>;
}

/** For runs that are not worth recovering: a simulation is repeated from its seed instead. */
export const forgetfulJournal: Journal = { append: () => Promise.resolve() };
