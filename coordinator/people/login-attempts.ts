/** The last tries to log in, for those who look after the federation: in memory only, since the program was started. */
import type { Clock } from '../../shared/clock.ts';
import type { LoginOutcome, LoginRefusal } from './logins.ts';

export interface LoginAttemptRecord {
  /** ISO 8601. */
  readonly at: string;
  readonly outcome: 'open' | LoginRefusal;
  readonly address: string;
  /** Undefined where there is no such user: what was typed in its place may be a password. */
  readonly user: string | undefined;
}

/** A page shows so many; more would only be a guesser's. */
const MAX_ATTEMPTS = 200;

export class LoginAttempts {
  readonly since: string;
  readonly #clock: Pick<Clock, 'nowMs'>;
  #attempts: readonly LoginAttemptRecord[] = [];

  constructor(clock: Pick<Clock, 'nowMs'>) {
    this.#clock = clock;
    this.since = this.#now();
  }

  add(outcome: LoginOutcome, address: string): void {
    const said =
      outcome.kind === 'open'
        ? { outcome: 'open' as const, user: outcome.session.user }
        : { outcome: outcome.reason, user: outcome.user };
    this.#attempts = [{ at: this.#now(), address, ...said }, ...this.#attempts].slice(0, MAX_ATTEMPTS);
  }

  /** Newest first. */
  get latest(): readonly LoginAttemptRecord[] {
    return this.#attempts;
  }

  #now(): string {
    return new Date(this.#clock.nowMs()).toISOString();
  }
}
