/** Logging in: tries are limited, an unknown name takes as long as a wrong password, and both get the same answer. */
import type { Clock } from '../../shared/clock.ts';
import { userNameSchema, type Session, type UserName, type UserStore } from '../storage/user-store.ts';
import { LoginGuard } from './login-guard.ts';
import { PasswordsBusyError, type Passwords } from './password.ts';

export type LoginRefusal =
  /** Name or password; which of them is not told. */
  | 'wrong'
  /** Of this name or from this address. */
  | 'too-many'
  | 'busy';

export type LoginOutcome =
  | { readonly kind: 'open'; readonly token: string; readonly session: Session }
  /** `user`: where there is such a user; what was typed in its place may be a password and is never kept. */
  | { readonly kind: 'refused'; readonly reason: LoginRefusal; readonly user?: UserName };

export interface LoginAttempt {
  readonly name: string;
  readonly password: string;
  readonly address: string;
}

export interface LoginGuards {
  readonly login: LoginGuard;
  /** Of the own password in an open session: strangers who try to log in with the name do not count there. */
  readonly confirm: LoginGuard;
}

/** With the limits of tries that hold everywhere. */
export function createLogins(
  users: UserStore,
  passwords: Pick<Passwords, 'verify'>,
  clock: Pick<Clock, 'elapsedMs'>,
): Logins {
  return new Logins(users, passwords, { login: new LoginGuard(clock), confirm: new LoginGuard(clock) });
}

export class Logins {
  readonly #users: UserStore;
  readonly #passwords: Pick<Passwords, 'verify'>;
  readonly #guards: LoginGuards;

  constructor(users: UserStore, passwords: Pick<Passwords, 'verify'>, guards: LoginGuards) {
    this.#users = users;
    this.#passwords = passwords;
    this.#guards = guards;
  }

  async login({ name, password, address }: LoginAttempt): Promise<LoginOutcome> {
    const parsed = userNameSchema.safeParse(name);
    const encoded = await this.#users.passwordOf(name);
    const known = encoded !== undefined && parsed.success && { user: parsed.data };
    const refused = (reason: LoginRefusal): LoginOutcome => ({
      kind: 'refused',
      reason,
      ...(known !== false && known),
    });
    const refusal = await this.#check(this.#guards.login, { name, password, address }, encoded);
    if (refusal !== undefined) return refused(refusal);
    if (!parsed.success || encoded === undefined) return refused('wrong');
    const token = await this.#users.openSessionWith(parsed.data, encoded);
    const session = token === undefined ? undefined : await this.#users.session(token);
    return token !== undefined && session ? { kind: 'open', token, session } : refused('wrong');
  }

  /** Whether somebody who is logged in knows the own password; undefined: yes. */
  async confirm(attempt: LoginAttempt): Promise<LoginRefusal | undefined> {
    return this.#check(this.#guards.confirm, attempt, await this.#users.passwordOf(attempt.name));
  }

  async #check(
    guard: LoginGuard,
    { name, password, address }: LoginAttempt,
    encoded: string | undefined,
  ): Promise<LoginRefusal | undefined> {
    if (!guard.admit(name, address)) return 'too-many';
    try {
      if (!(await this.#passwords.verify(password, encoded))) return 'wrong';
    } catch (error) {
      if (error instanceof PasswordsBusyError) return 'busy';
      throw error;
    }
    guard.succeeded(name, address);
    return undefined;
  }
}
