/** Logging in: tries are limited, an unknown name takes as long as a wrong password, and both get the same answer. */
import { userNameSchema, type Session, type UserName, type UserStore } from '../storage/user-store.ts';
import type { LoginGuard } from './login-guard.ts';
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

export class Logins {
  readonly #users: UserStore;
  readonly #passwords: Passwords;
  readonly #guard: LoginGuard;

  constructor(users: UserStore, passwords: Passwords, guard: LoginGuard) {
    this.#users = users;
    this.#passwords = passwords;
    this.#guard = guard;
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
    const refusal = await this.#check({ name, password, address }, encoded);
    if (refusal !== undefined) return refused(refusal);
    if (!parsed.success) return refused('wrong');
    const token = await this.#users.openSession(parsed.data);
    const session = await this.#users.session(token);
    return session ? { kind: 'open', token, session } : refused('wrong');
  }

  /** Whether somebody who is logged in knows the own password; undefined: yes. */
  async confirm(attempt: LoginAttempt): Promise<LoginRefusal | undefined> {
    return this.#check(attempt, await this.#users.passwordOf(attempt.name));
  }

  async #check(
    { name, password, address }: LoginAttempt,
    encoded: string | undefined,
  ): Promise<LoginRefusal | undefined> {
    if (!this.#guard.admit(name, address)) return 'too-many';
    try {
      if (!(await this.#passwords.verify(password, encoded))) return 'wrong';
    } catch (error) {
      if (error instanceof PasswordsBusyError) return 'busy';
      throw error;
    }
    this.#guard.succeeded(name, address);
    return undefined;
  }
}
