/**
 * How long to wait before the next attempt: doubling up to a cap, each delay drawn from the upper half of its span, so
 * that many sites do not return in step after the coordinator was away.
 */
import type { Rng } from '../../shared/rng.ts';

export interface BackoffLimits {
  /** Of the first attempt. */
  readonly firstMs: number;
  readonly longestMs: number;
}

export class Backoff {
  readonly #limits: BackoffLimits;
  readonly #rng: Pick<Rng, 'uniform'>;
  #attempts = 0;

  constructor(limits: BackoffLimits, rng: Pick<Rng, 'uniform'>) {
    this.#limits = limits;
    this.#rng = rng;
  }

  /** Milliseconds, in (span/2, span] with span = min(longest, first·2ⁿ). */
  nextMs(): number {
    const { firstMs, longestMs } = this.#limits;
    // 2⁶⁰ is beyond every cap; the exponent stays finite however long the coordinator is away.
    const span = Math.min(longestMs, firstMs * 2 ** Math.min(this.#attempts, 60));
    this.#attempts++;
    return span * (1 - this.#rng.uniform() / 2);
  }

  /** After a success. */
  reset(): void {
    this.#attempts = 0;
  }
}
