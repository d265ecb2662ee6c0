/** A token bucket: short bursts pass, a lasting flood does not. */
import type { Clock } from '../../shared/clock.ts';

export interface BucketLimits {
  /** Largest burst. */
  readonly capacity: number;
  readonly perSecond: number;
}

export class TokenBucket {
  readonly #limits: BucketLimits;
  readonly #clock: Pick<Clock, 'elapsedMs'>;
  #tokens: number;
  #filledAtMs: number;

  /** Full at the beginning. */
  constructor(limits: BucketLimits, clock: Pick<Clock, 'elapsedMs'>) {
    this.#limits = limits;
    this.#clock = clock;
    this.#tokens = limits.capacity;
    this.#filledAtMs = clock.elapsedMs();
  }

  /** False when there are not so many; none is taken then. */
  take(tokens = 1): boolean {
    const nowMs = this.#clock.elapsedMs();
    const filled = this.#tokens + ((nowMs - this.#filledAtMs) / 1000) * this.#limits.perSecond;
    this.#tokens = Math.min(this.#limits.capacity, filled);
    this.#filledAtMs = nowMs;
    if (this.#tokens < tokens) return false;
    this.#tokens -= tokens;
    return true;
  }
}
