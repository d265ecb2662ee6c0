/**
 * The sites that were there when the program ended. They come back within moments of its start, each after a pause of its
 * own: a round that began with the first of them would have another cohort than without the interruption.
 */
import type { Clock } from '../../shared/clock.ts';
import type { SiteId } from '../../shared/ids.ts';

/** Twice the longest pause of a site between two tries to connect: whoever is not back by then is away. */
export const LONGEST_WAIT_MS = 60_000;

export class Returning {
  readonly #missing: Set<SiteId>;
  readonly #back: Promise<void>;
  #resolve: () => void = () => undefined;
  #cancel: () => void = () => undefined;

  constructor(awaited: Iterable<SiteId>) {
    this.#missing = new Set(awaited);
    this.#back = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    if (this.#missing.size === 0) this.#resolve();
  }

  /** The time for coming back begins. */
  begin(clock: Clock): void {
    if (this.#missing.size === 0) return;
    this.#cancel = clock.schedule(LONGEST_WAIT_MS, () => {
      this.giveUp();
    });
  }

  isBack(siteId: SiteId): void {
    if (this.#missing.delete(siteId) && this.#missing.size === 0) this.giveUp();
  }

  /** Nobody is waited for any longer. */
  giveUp(): void {
    this.#cancel();
    this.#missing.clear();
    this.#resolve();
  }

  whenBack(): Promise<void> {
    return this.#back;
  }
}

/** Resolves with undefined when `signal` comes, at once when it has come; never after `forget`. */
export function whenAborted(signal: AbortSignal | undefined): {
  readonly promise: Promise<undefined>;
  readonly forget: () => void;
} {
  let abort: () => void = () => undefined;
  const promise = new Promise<undefined>((resolve) => {
    abort = () => {
      resolve(undefined);
    };
    if (signal?.aborted) abort();
  });
  signal?.addEventListener('abort', abort, { once: true });
  return {
    promise,
    forget: () => {
      signal?.removeEventListener('abort', abort);
    },
  };
}
