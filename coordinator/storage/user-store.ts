/** The people who may log in, and their sessions. A session's token is kept as a hash only. */
import { createHmac } from 'node:crypto';
import { sql } from 'kysely';
import { z } from 'zod';
import type { Clock } from '../../shared/clock.ts';
import { sha512Hex } from '../../shared/crypto/hash.ts';
import { randomToken } from '../../shared/crypto/random.ts';
import { InputError } from '../../shared/errors.ts';
import { takeTurns, type Database } from './database.ts';
import { ROLES, type Role } from './tables.ts';

/** As people write it; lower case, so that two names never look alike by case. */
export const userNameSchema = z
  .string()
  .regex(/^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$/, 'use 1 to 64 of a–z, 0–9 and inner . _ -')
  .brand<'UserName'>();
export type UserName = z.infer<typeof userNameSchema>;
export const roleSchema = z.enum(ROLES);

export interface User {
  readonly name: UserName;
  readonly role: Role;
  /** ISO 8601. */
  readonly createdAt: string;
}

export interface Session {
  readonly user: UserName;
  readonly role: Role;
  /** ISO 8601: the session ends then at the latest. */
  readonly expiresAt: string;
  /** What requests that change something have to show beside the cookie. */
  readonly csrfToken: string;
}

/** For those who look after the federation. */
export interface OpenSession {
  /** Names it without opening it. */
  readonly id: string;
  readonly user: UserName;
  readonly role: Role;
  /** All ISO 8601; `seenAt` to the minute. */
  readonly createdAt: string;
  readonly seenAt: string;
  readonly expiresAt: string;
}

/** Whether a session is open, without using it. */
export type SessionState =
  { readonly kind: 'open'; readonly role: Role } | { readonly kind: 'expired' | 'ended' };

/** OWASP Session Management Cheat Sheet, "Session Expiration": short when idle, a working day at most. */
export const SESSION_IDLE_MS = 30 * 60_000;
export const SESSION_MAX_MS = 12 * 3_600_000;
/** That a session was used is written down at most so often. */
const SEEN_EVERY_MS = 60_000;
/** Of one user; the oldest end first. */
const MAX_SESSIONS = 20;

const hashOf = (token: string): string => sha512Hex(new TextEncoder().encode(token));

/** Of the hash of its token: 16 bytes name one among all. */
const SESSION_ID_CHARS = 32;
export const sessionIdOf = (token: string): string => hashOf(token).slice(0, SESSION_ID_CHARS);

/** Follows from the session's token, so that it needs no place of its own and ends with it. */
export const csrfTokenOf = (token: string): string =>
  createHmac('sha256', token).update('consilium/csrf').digest('base64url');

export class UserStore {
  readonly #database: Database;
  readonly #clock: Pick<Clock, 'nowMs'>;

  constructor(database: Database, clock: Pick<Clock, 'nowMs'>) {
    this.#database = database;
    this.#clock = clock;
  }

  /** @param password as `Passwords` hashes it. @throws InputError when there is such a user */
  async add(name: UserName, role: Role, password: string): Promise<void> {
    const now = this.#at();
    const added = await this.#database
      .insertInto('users')
      .values({ user_name: name, role, password, created_at: now, changed_at: now })
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirst();
    if (added.numInsertedOrUpdatedRows === 0n)
      throw new InputError(`a user is called ${name} already; choose another name`);
  }

  /** By name. */
  async list(): Promise<readonly User[]> {
    const rows = await this.#database
      .selectFrom('users')
      .select(['user_name', 'role', 'created_at'])
      .orderBy(sql`user_name`)
      .execute();
    return rows.map((row) => ({
      name: userNameSchema.parse(row.user_name),
      role: roleSchema.parse(row.role),
      createdAt: row.created_at,
    }));
  }

  /** The hash of the password; undefined for an unknown user. */
  async passwordOf(name: string): Promise<string | undefined> {
    const row = await this.#database
      .selectFrom('users')
      .select('password')
      .where('user_name', '=', name)
      .executeTakeFirst();
    return row?.password;
  }

  /** Ends the user's sessions. @throws InputError for an unknown user, or the last administrator */
  async remove(name: UserName): Promise<void> {
    await this.#requireOtherAdministrator(name);
    await this.endSessionsOf(name);
    await this.#database.deleteFrom('users').where('user_name', '=', name).execute();
  }

  /** Ends the user's sessions. @throws InputError for an unknown user, or the last administrator */
  async setRole(name: UserName, role: Role): Promise<void> {
    if (role !== 'administrator') await this.#requireOtherAdministrator(name);
    await this.#change(name, { role });
  }

  /** Ends the user's sessions. @throws InputError for an unknown user */
  async setPassword(name: UserName, password: string): Promise<void> {
    await this.#change(name, { password });
  }

  async #change(name: UserName, change: { role: Role } | { password: string }): Promise<void> {
    const changed = await this.#database
      .updateTable('users')
      .set({ ...change, changed_at: this.#at() })
      .where('user_name', '=', name)
      .executeTakeFirst();
    if (changed.numUpdatedRows === 0n) throw unknownUser(name);
    await this.endSessionsOf(name);
  }

  async #requireOtherAdministrator(name: UserName): Promise<void> {
    const users = await this.list();
    const user = users.find((one) => one.name === name);
    if (!user) throw unknownUser(name);
    if (user.role !== 'administrator') return;
    if (!users.some((other) => other.name !== name && other.role === 'administrator'))
      throw new InputError(`${name} is the last administrator: make another one first`);
  }

  /**
   * A new session for whoever has shown the password of this hash; undefined when the user has another one by now, or is
   * gone. It takes its turn with the acts that change passwords: none comes between the question and the session.
   */
  openSessionWith(name: UserName, encoded: string): Promise<string | undefined> {
    return this.#database.transaction().execute(async (database) => {
      await takeTurns(database);
      const users = new UserStore(database, this.#clock);
      return (await users.passwordOf(name)) === encoded ? users.openSession(name) : undefined;
    });
  }

  /** A new session's token, which is kept nowhere else. */
  async openSession(name: UserName): Promise<string> {
    await this.#endOldSessions(name);
    const token = randomToken();
    const now = this.#at();
    await this.#database
      .insertInto('sessions')
      .values({ token_hash: hashOf(token), user_name: name, created_at: now, seen_at: now })
      .execute();
    return token;
  }

  /** Undefined when it has ended, has not been used for long, or never was. */
  async session(token: string): Promise<Session | undefined> {
    const nowMs = this.#clock.nowMs();
    const row = await this.#database
      .selectFrom('sessions')
      .innerJoin('users', 'users.user_name', 'sessions.user_name')
      .select(['users.user_name', 'users.role', 'sessions.created_at', 'sessions.seen_at'])
      .where('token_hash', '=', hashOf(token))
      .executeTakeFirst();
    if (!row) return undefined;
    const endsMs = Date.parse(row.created_at) + SESSION_MAX_MS;
    if (this.#isOver(row)) {
      await this.endSession(token);
      return undefined;
    }
    if (nowMs - Date.parse(row.seen_at) >= SEEN_EVERY_MS) await this.#seen(token);
    return {
      user: userNameSchema.parse(row.user_name),
      role: roleSchema.parse(row.role),
      expiresAt: new Date(endsMs).toISOString(),
      csrfToken: csrfTokenOf(token),
    };
  }

  /** Looking does not count as use: a page that only listens does not keep its session. */
  async stateOf(token: string): Promise<SessionState> {
    const row = await this.#database
      .selectFrom('sessions')
      .innerJoin('users', 'users.user_name', 'sessions.user_name')
      .select(['users.role', 'sessions.created_at', 'sessions.seen_at'])
      .where('token_hash', '=', hashOf(token))
      .executeTakeFirst();
    if (!row) return { kind: 'ended' };
    return this.#isOver(row) ? { kind: 'expired' } : { kind: 'open', role: roleSchema.parse(row.role) };
  }

  /** Of everybody, the newest first. */
  async sessions(): Promise<readonly OpenSession[]> {
    const rows = await this.#database
      .selectFrom('sessions')
      .innerJoin('users', 'users.user_name', 'sessions.user_name')
      .select(['token_hash', 'users.user_name', 'users.role', 'sessions.created_at', 'sessions.seen_at'])
      .orderBy('sessions.created_at', 'desc')
      .execute();
    return rows
      .filter((row) => !this.#isOver(row))
      .map((row) => ({
        id: row.token_hash.slice(0, SESSION_ID_CHARS),
        user: userNameSchema.parse(row.user_name),
        role: roleSchema.parse(row.role),
        createdAt: row.created_at,
        seenAt: row.seen_at,
        expiresAt: new Date(Date.parse(row.created_at) + SESSION_MAX_MS).toISOString(),
      }));
  }

  /** @throws InputError when there is none */
  async endSessionById(id: string): Promise<void> {
    const ended = await this.#database
      .deleteFrom('sessions')
      .where(
        (where) => where.fn('substr', ['token_hash', where.lit(1), where.lit(SESSION_ID_CHARS)]),
        '=',
        id,
      )
      .executeTakeFirst();
    if (ended.numDeletedRows === 0n) throw new InputError('there is no such session: it has ended');
  }

  #isOver({ created_at, seen_at }: { readonly created_at: string; readonly seen_at: string }): boolean {
    const nowMs = this.#clock.nowMs();
    return nowMs >= Date.parse(created_at) + SESSION_MAX_MS || nowMs - Date.parse(seen_at) >= SESSION_IDLE_MS;
  }

  async endSession(token: string): Promise<void> {
    await this.#database.deleteFrom('sessions').where('token_hash', '=', hashOf(token)).execute();
  }

  async endSessionsOf(name: UserName): Promise<void> {
    await this.#database.deleteFrom('sessions').where('user_name', '=', name).execute();
  }

  async #seen(token: string): Promise<void> {
    await this.#database
      .updateTable('sessions')
      .set({ seen_at: this.#at() })
      .where('token_hash', '=', hashOf(token))
      .execute();
  }

  /** Of everybody those that have run out; of this user also the oldest of too many. */
  async #endOldSessions(name: UserName): Promise<void> {
    const nowMs = this.#clock.nowMs();
    await this.#database
      .deleteFrom('sessions')
      .where((where) =>
        where.or([
          where('created_at', '<=', new Date(nowMs - SESSION_MAX_MS).toISOString()),
          where('seen_at', '<=', new Date(nowMs - SESSION_IDLE_MS).toISOString()),
        ]),
      )
      .execute();
    const open = await this.#database
      .selectFrom('sessions')
      .select('token_hash')
      .where('user_name', '=', name)
      .orderBy('created_at')
      .execute();
    const excess = open.slice(0, Math.max(0, open.length + 1 - MAX_SESSIONS));
    for (const { token_hash } of excess)
      await this.#database.deleteFrom('sessions').where('token_hash', '=', token_hash).execute();
  }

  #at(): string {
    return new Date(this.#clock.nowMs()).toISOString();
  }
}

const unknownUser = (name: UserName): InputError =>
  new InputError(`no user is called ${name}; see the list of users`);
