/**
 * The journal of a run's present attempt, in the database: an entry is committed and flushed before anything that it
 * leads to goes out. After a crash the attempt is folded over its entries, so that it is known how far it had come.
 */
import { deserialize, serialize } from 'node:v8';
import { sha512Hex } from '../../shared/crypto/hash.ts';
import type { RunId } from '../../shared/ids.ts';
import type { RoundEvent, RoundStart } from '../round/events.ts';
import type { Journal } from '../round/journal.ts';
import type { Database } from './database.ts';

export type JournalEntry = RoundStart | RoundEvent;

/** Vectors are not kept: how far an attempt came does not depend on what is in them. */
const MAX_KEPT_BYTES = 4096;

function withoutVectors(value: unknown): unknown {
  if (ArrayBuffer.isView(value)) return value.byteLength > MAX_KEPT_BYTES ? new Uint8Array(0) : value;
  if (value instanceof Map) return new Map([...value].map(([key, inner]) => [key, withoutVectors(inner)]));
  if (value instanceof Set) return value;
  if (Array.isArray(value)) return value.map(withoutVectors);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withoutVectors(inner)]));
}

const DIGEST_CHARS = 32;

/** Digest and bytes, so that a torn or changed entry is seen. */
function writeEntry(entry: JournalEntry): string {
  const bytes = serialize(withoutVectors(entry));
  return sha512Hex(bytes).slice(0, DIGEST_CHARS) + bytes.toString('base64');
}

/** Undefined for what `writeEntry` has not written. */
function readEntry(text: string): JournalEntry | undefined {
  const bytes = Buffer.from(text.slice(DIGEST_CHARS), 'base64');
  if (sha512Hex(bytes).slice(0, DIGEST_CHARS) !== text.slice(0, DIGEST_CHARS)) return undefined;
  // The digest says that these are the bytes of an entry.
  return deserialize(bytes) as JournalEntry;
}

export class RunJournal implements Journal {
  readonly #database: Database;
  readonly #runId: RunId;
  #next = 0;

  constructor(database: Database, runId: RunId) {
    this.#database = database;
    this.#runId = runId;
  }

  async append(entry: JournalEntry): Promise<void> {
    await this.#database.transaction().execute(async (database) => {
      if (entry.kind === 'begin') {
        this.#next = 0;
        await database.deleteFrom('journal').where('run_id', '=', this.#runId).execute();
      }
      await database
        .insertInto('journal')
        .values({ run_id: this.#runId, sequence: this.#next, entry: writeEntry(entry) })
        .execute();
      this.#next++;
    });
  }

  /** Of the last attempt, up to the first entry that is damaged; empty when no attempt was begun. */
  async entries(): Promise<readonly JournalEntry[]> {
    const rows = await this.#database
      .selectFrom('journal')
      .select(['sequence', 'entry'])
      .where('run_id', '=', this.#runId)
      .orderBy('sequence')
      .execute();
    const entries: JournalEntry[] = [];
    for (const row of rows) {
      const entry = row.sequence === entries.length ? readEntry(row.entry) : undefined;
      if (!entry) break;
      entries.push(entry);
    }
    return entries;
  }
}
