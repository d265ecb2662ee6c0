/**
 * The coordinator's record of administrative acts: append-only, each entry with the SHA-512 of the one before and the
 * federation's signature, so that an entry that was changed, removed or put in between shows; that the last ones were
 * removed does not, unless somebody kept their number and hash. An act and its entry are one transaction: there is
 * neither without the other.
 */
import { setImmediate } from 'node:timers/promises';
import type { Selectable } from 'kysely';
import type { Clock } from '../../shared/clock.ts';
import { sha512Hex } from '../../shared/crypto/hash.ts';
import type { Identity } from '../../shared/crypto/identity.ts';
import { signStatement, verifyStatement } from '../../shared/crypto/statement.ts';
import { canonicalBytes } from '../../shared/protocol/canonical.ts';
import type { LedgerAnchor } from '../../shared/protocol/ledger-anchor.ts';
import type { Database } from './database.ts';
import type { Tables } from './tables.ts';

/** What can be done to a federation, and how its rounds end. */
export type AuditAct =
  | 'site-invited'
  | 'invitation-withdrawn'
  | 'site-active'
  | 'site-suspended'
  | 'site-removed'
  | 'plan-added'
  | 'plan-removed'
  | 'run-added'
  | 'run-paused'
  | 'run-resumed'
  | 'run-stopped'
  | 'run-moved'
  | 'round-published'
  | 'round-counted'
  | 'round-aborted'
  | 'model-promoted'
  | 'model-rolled-back'
  | 'user-added'
  | 'user-removed'
  | 'user-role'
  | 'user-password'
  | 'login'
  | 'logout'
  | 'session-ended';

export interface AuditEvent {
  /** Name of the user, or `command-line`. */
  readonly actor: string;
  readonly act: AuditAct;
  /** Name of the site, plan, run or user. */
  readonly subject: string;
  /** Without secrets and patient data. */
  readonly detail?: Readonly<Record<string, string | number | readonly string[]>>;
}

export interface AuditEntry {
  readonly sequence: number;
  /** ISO 8601. */
  readonly at: string;
  readonly actor: string;
  readonly act: string;
  readonly subject: string;
  readonly detail: unknown;
  readonly previousHash: string;
  readonly hash: string;
  readonly signature: string;
}

export interface AuditCheck {
  readonly entries: number;
  /** Sequence number of the first entry that is not what was written. */
  readonly brokenAt?: number;
}

/** What the first entry says of the one before it. */
const BEGINNING = '0'.repeat(128);
const PAGE = 1000;
/** Some 20 ms of checking signatures. */
const ENTRIES_AT_ONCE = 100;

type Content = Omit<AuditEntry, 'hash' | 'signature'>;

const hashOf = (content: Content): string => sha512Hex(canonicalBytes(content));

/** Undefined for what has no canonical form, which nobody has written here: a number out of range, a lone surrogate. */
function hashOfRead(content: Content): string | undefined {
  try {
    return hashOf(content);
  } catch {
    return undefined;
  }
}

/** Null for what is no JSON: its hash then shows that it was changed. */
function detailOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** As it stands in the database. */
export function auditEntry(row: Selectable<Tables['audit']>): AuditEntry {
  const { sequence, at, actor, act, subject, detail, previous_hash, hash, signature } = row;
  return {
    ...{ sequence, at, actor, act, subject, hash, signature },
    detail: detailOf(detail),
    previousHash: previous_hash,
  };
}

interface Expected {
  readonly sequence: number;
  readonly previousHash: string;
  readonly publicKey: Uint8Array;
}

function isWhole(
  { hash, signature, ...content }: AuditEntry,
  { sequence, previousHash, publicKey }: Expected,
): boolean {
  if (content.sequence !== sequence || content.previousHash !== previousHash) return false;
  if (hashOfRead(content) !== hash || !/^[0-9a-f]{128}$/.test(signature)) return false;
  return verifyStatement(publicKey, { purpose: 'audit', fields: { hash }, signature });
}

/** A whole record that somebody was given. @param publicKey of the federation */
export function checkEntries(entries: readonly AuditEntry[], publicKey: Uint8Array): AuditCheck {
  let previousHash = BEGINNING;
  for (const [i, entry] of entries.entries()) {
    const sequence = i + 1;
    if (!isWhole(entry, { sequence, previousHash, publicKey })) return { entries: i, brokenAt: sequence };
    previousHash = entry.hash;
  }
  return { entries: entries.length };
}

export class AuditLog {
  readonly #clock: Pick<Clock, 'nowMs'>;
  readonly #identity: Identity;

  constructor(clock: Pick<Clock, 'nowMs'>, identity: Identity) {
    this.#clock = clock;
    this.#identity = identity;
  }

  /** To be called in the act's transaction. Two at once cannot take the same number: one of them fails and is repeated. */
  async append(database: Database, { actor, act, subject, detail = {} }: AuditEvent): Promise<void> {
    const last = await this.head(database);
    const content: Content = {
      sequence: last.entries + 1,
      at: new Date(this.#clock.nowMs()).toISOString(),
      ...{ actor, act, subject, detail },
      previousHash: last.hash,
    };
    const { sequence, at, previousHash } = content;
    const hash = hashOf(content);
    const signature = signStatement(this.#identity, 'audit', { hash });
    await database
      .insertInto('audit')
      .values({
        ...{ sequence, at, actor, act, subject, hash, signature },
        detail: JSON.stringify(detail),
        previous_hash: previousHash,
      })
      .execute();
  }

  /** Of an empty log: no entries, and zeros. */
  async head(database: Database): Promise<LedgerAnchor> {
    const last = await database
      .selectFrom('audit')
      .select(['sequence', 'hash'])
      .orderBy('sequence', 'desc')
      .limit(1)
      .executeTakeFirst();
    return { entries: last?.sequence ?? 0, hash: last?.hash ?? BEGINNING };
  }

  /** Entries after number `after`, in order. */
  async entries(database: Database, after: number, limit: number): Promise<readonly AuditEntry[]> {
    const rows = await database
      .selectFrom('audit')
      .selectAll()
      .where('sequence', '>', after)
      .orderBy('sequence')
      .limit(limit)
      .execute();
    return rows.map(auditEntry);
  }

  /** Follows the chain from its beginning. */
  async verify(database: Database): Promise<AuditCheck> {
    const { publicKey } = this.#identity;
    let count = 0;
    let previousHash = BEGINNING;
    for (;;) {
      const page = await this.entries(database, count, PAGE);
      for (const entry of page) {
        // Others are served meanwhile.
        if (count % ENTRIES_AT_ONCE === 0) await setImmediate();
        if (!isWhole(entry, { sequence: count + 1, previousHash, publicKey }))
          return { entries: count, brokenAt: count + 1 };
        previousHash = entry.hash;
        count++;
      }
      if (page.length < PAGE) return { entries: count };
    }
  }
}
