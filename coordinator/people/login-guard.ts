/**
 * What stands between a guesser and a password: so many tries for a name from a network, for a name from anywhere, and
 * from a network for whatever name, in a window of time, whether the name exists or not. A try counts before the password
 * is looked at, so that many at once gain nothing. The limit of a name is the highest: few strangers cannot lock its
 * owner out.
 */
import type { Clock } from '../../shared/clock.ts';
import { networkOf } from './network.ts';

export interface LoginLimits {
  readonly windowMs: number;
  /** For one name from one network. */
  readonly triesOfPair: number;
  readonly triesOfName: number;
  readonly triesFromNetwork: number;
}
const DEFAULT_LOGIN_LIMITS: LoginLimits = {
  windowMs: 15 * 60_000,
  triesOfPair: 10,
  // NIST SP 800-63B §5.2.2 allows no more than 100 failed tries on one account in a row.
  triesOfName: 100,
  triesFromNetwork: 30,
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
  readonly #pairs = new Map<string, Tries>();
  readonly #names = new Map<string, Tries>();
  readonly #networks = new Map<string, Tries>();

  constructor(clock: Pick<Clock, 'elapsedMs'>, limits: LoginLimits = DEFAULT_LOGIN_LIMITS) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /** Counts a try. False: there have been too many, and the password must not be looked at. */
  admit(name: string, address: string): boolean {
    const { triesOfPair, triesOfName, triesFromNetwork } = this.#limits;
    const network = networkOf(address);
    const fromNetwork = this.#triesOf(this.#networks, network);
    // Before the name is looked up: one network cannot push the names of others out of memory.
    if (fromNetwork.count >= triesFromNetwork) return false;
    const ofPair = this.#triesOf(this.#pairs, pairOf(name, network));
    if (ofPair.count >= triesOfPair) return false;
    const ofName = this.#triesOf(this.#names, name);
    if (ofName.count >= triesOfName) return false;
    for (const tries of [fromNetwork, ofPair, ofName]) tries.count++;
    return true;
  }

  /** The password was right: the tries for this name, and this one from the network, are forgotten. */
  succeeded(name: string, address: string): void {
    const network = networkOf(address);
    this.#names.delete(name);
    this.#pairs.delete(pairOf(name, network));
    const fromNetwork = this.#networks.get(network);
    // A window may have begun anew since the try was counted.
    if (fromNetwork && fromNetwork.count > 0) fromNetwork.count--;
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

/** A network has no space in it. */
const pairOf = (name: string, network: string): string => `${network} ${name}`;
