/**
 * Who may use the site's page: whoever has one of its links. A link's word is made anew at every start and travels in the
 * fragment of the address, which browsers send to nobody; the page exchanges it for a cookie that scripts cannot read.
 */
import { timingSafeEqual } from 'node:crypto';
import type { Clock } from '../../shared/clock.ts';
import { sha512Hex } from '../../shared/crypto/hash.ts';
import { randomToken } from '../../shared/crypto/random.ts';
import type { PageRole, SessionView } from './views.ts';

/** Somebody with a link. Two may decide, so that a policy can ask for two people; the third looks on. */
export interface Person {
  readonly name: string;
  readonly role: PageRole;
}

const PEOPLE: readonly Person[] = [
  { name: 'first person', role: 'administrator' },
  { name: 'second person', role: 'administrator' },
  { name: 'viewer', role: 'viewer' },
];

export interface PageLink extends Person {
  /** 43 characters. */
  readonly word: string;
}

interface PageSession extends Person {
  readonly csrfToken: string;
  readonly expiresMs: number;
}

/** A working day. */
const SESSION_MS = 12 * 3_600_000;
/** Of browsers that somebody has forgotten; the oldest ends first. */
const MAX_SESSIONS = 50;

const digestOf = (word: string): string => sha512Hex(new TextEncoder().encode(word));

function isSame(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

export class PageAccess {
  readonly links: readonly PageLink[];
  readonly #clock: Pick<Clock, 'nowMs'>;
  /** By the digest of the cookie's value. */
  readonly #sessions = new Map<string, PageSession>();

  constructor(clock: Pick<Clock, 'nowMs'>) {
    this.#clock = clock;
    this.links = PEOPLE.map((person) => ({ ...person, word: randomToken() }));
  }

  /** A new session: the value of its cookie; undefined for a wrong word. */
  exchange(word: string): { readonly cookie: string; readonly session: SessionView } | undefined {
    const digest = digestOf(word);
    const link = this.links.find((known) => isSame(digestOf(known.word), digest));
    if (!link) return undefined;
    const oldest = this.#sessions.keys().next();
    if (this.#sessions.size >= MAX_SESSIONS && !oldest.done) this.#sessions.delete(oldest.value);
    const cookie = randomToken();
    const { name, role } = link;
    const expiresMs = this.#clock.nowMs() + SESSION_MS;
    this.#sessions.set(digestOf(cookie), { name, role, csrfToken: randomToken(), expiresMs });
    const session = this.sessionOf(cookie);
    return session && { cookie, session };
  }

  sessionOf(cookie: string | undefined): SessionView | undefined {
    if (cookie === undefined) return undefined;
    const digest = digestOf(cookie);
    const session = this.#sessions.get(digest);
    if (!session) return undefined;
    if (session.expiresMs <= this.#clock.nowMs()) {
      this.#sessions.delete(digest);
      return undefined;
    }
    const { name, role, csrfToken, expiresMs } = session;
    return { person: name, role, csrfToken, expiresAt: new Date(expiresMs).toISOString() };
  }

  end(cookie: string | undefined): void {
    if (cookie !== undefined) this.#sessions.delete(digestOf(cookie));
  }
}

export const isCsrfToken = (given: string | undefined, { csrfToken }: SessionView): boolean =>
  isSame(given ?? '', csrfToken);
