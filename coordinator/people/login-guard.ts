/**
 * What stands between a guesser and a password: so many tries for a name, and so many from an address, in a window of
 * time, whether the name exists or not. A try counts before the password is looked at, so that many at once gain nothing.
 */
import type { Clock } from '../../shared/clock.ts';

export interface LoginLimits {
  readonly windowMs: number;
  readonly triesOfName: number;
  readonly triesFromAddress: number;
}
export const DEFAULT_LOGIN_LIMITS: LoginLimits = {
  windowMs: 15 * 60_000,
  triesOfName: 10,
  triesFromAddress: 30,
};

/** More keys than this are not remembered: the oldest are forgotten first. */
const MAX_KEYS = 20_000;

interface Tries {
  count: number;
  readonly untilMs: number;
}

export class LoginGuard {
  readonly #clock: Pick<Clock, 'elapsedMs'>;
  readonly #limits: LoginLimits;
  readonly #names = new Map<string, Tries>();
  readonly #addresses = new Map<string, Tries>();

  constructor(clock: Pick<Clock, 'elapsedMs'>, limits: LoginLimits = DEFAULT_LOGIN_LIMITS) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /** Counts a try. False: there have been too many, and the password must not be looked at. */
  admit(name: string, address: string): boolean {
    const { triesOfName, triesFromAddress } = this.#limits;
    const ofName = this.#triesOf(this.#names, name);
    const fromAddress = this.#triesOf(this.#addresses, address);
    if (ofName.count >= triesOfName || fromAddress.count >= triesFromAddress) return false;
    ofName.count++;
    fromAddress.count++;
    return true;
  }

  /** The password was right: the tries for this name, and this one from the address, are forgotten. */
  succeeded(name: string, address: string): void {
    this.#names.delete(name);
    const fromAddress = this.#addresses.get(address);
    if (fromAddress) fromAddress.count--;
  }

  #triesOf(all: Map<string, Tries>, key: string): Tries {
    const nowMs = this.#clock.elapsedMs();
    const known = all.get(key);
    if (known && known.untilMs > nowMs) return known;
    all.delete(key);
    if (all.size >= MAX_KEYS)
      for (const oldest of [...all.keys()].slice(0, MAX_KEYS / 10)) all.delete(oldest);
    const fresh = { count: 0, untilMs: nowMs + this.#limits.windowMs };
    all.set(key, fresh);
    return fresh;
  }
}
