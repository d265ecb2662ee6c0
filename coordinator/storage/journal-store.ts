/**
 * The journal of a run's present attempt: an entry is committed and flushed before anything that it leads to goes out.
 * Folding a round over the entries brings it back as it was, its sum included. Entries stand in the database; one that
 * holds large vectors, which is a site's update, stands there without them and whole in a file beside, which was flushed
 * before. The files are protected as the plan protects updates on the wire, but for a box, which is open here, as
 * it is in the memory of the coordinator; they go with the end of the attempt.
 */
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { deserialize, serialize } from 'node:v8';
import { z } from 'zod';
import { writeAtomically } from '../../shared/atomic-file.ts';
import { sha512Hex } from '../../shared/crypto/hash.ts';
import { StorageError } from '../../shared/errors.ts';
import type { RunId } from '../../shared/ids.ts';
import type { RoundEvent, RoundStart } from '../round/events.ts';
import type { Journal } from '../round/journal.ts';
import type { Database } from './database.ts';

export type JournalEntry = RoundStart | RoundEvent;

/** Larger vectors go to a file: the database stays small, and how far an attempt came is read without them. */
const MAX_KEPT_BYTES = 4096;

const isLarge = (value: unknown): boolean => ArrayBuffer.isView(value) && value.byteLength > MAX_KEPT_BYTES;

function hasVectors(value: unknown): boolean {
  if (ArrayBuffer.isView(value)) return isLarge(value);
  return typeof value === 'object' && value !== null && Object.values(value).some(hasVectors);
}

function withoutVectors(value: unknown): unknown {
  if (ArrayBuffer.isView(value)) return isLarge(value) ? new Uint8Array(0) : value;
  if (Array.isArray(value)) return value.map(withoutVectors);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withoutVectors(inner)]));
}

const DIGEST_CHARS = 32;

/** Digest and bytes, so that a torn or changed entry is seen. */
function writeText(value: unknown): string {
  const bytes = serialize(value);
  return sha512Hex(bytes).slice(0, DIGEST_CHARS) + bytes.toString('base64');
}

/** Undefined for what `writeText` has not written. */
function readText(text: string): unknown {
  const bytes = Buffer.from(text.slice(DIGEST_CHARS), 'base64');
  if (sha512Hex(bytes).slice(0, DIGEST_CHARS) !== text.slice(0, DIGEST_CHARS)) return undefined;
  return deserialize(bytes) as unknown;
}

/** What stands in the database of an entry that is whole in a file. */
const apartSchema = z.strictObject({
  kind: z.literal('apart'),
  /** SHA-512 of the file, which is its name. */
  file: z.string().regex(/^[0-9a-f]{128}$/),
  entry: z.unknown(),
});

interface KeptEntry {
  readonly entry: JournalEntry;
  readonly file: string | undefined;
}

function readEntry(text: string): KeptEntry | undefined {
  const value = readText(text);
  if (value === undefined) return undefined;
  const apart = apartSchema.safeParse(value);
  // The digest says that these are the bytes of an entry.
  return apart.success
    ? { entry: apart.data.entry as JournalEntry, file: apart.data.file }
    : { entry: value as JournalEntry, file: undefined };
}

export class RunJournal implements Journal {
  readonly #database: Database;
  readonly #runId: RunId;
  readonly #folder: string;
  #next = 0;

  /** @param runsFolder where files of runs stand */
  constructor(database: Database, runId: RunId, runsFolder: string) {
    this.#database = database;
    this.#runId = runId;
    // A run's name has no dot.
    this.#folder = join(runsFolder, `${runId}.journal`);
  }

  /** @throws StorageError when a file cannot be written, and what the database throws */
  async append(entry: JournalEntry): Promise<void> {
    if (entry.kind === 'begin') await this.removeFiles();
    const text = await this.#textOf(entry);
    await this.#database.transaction().execute(async (database) => {
      if (entry.kind === 'begin') {
        this.#next = 0;
        await database.deleteFrom('journal').where('run_id', '=', this.#runId).execute();
      }
      await database
        .insertInto('journal')
        .values({ run_id: this.#runId, sequence: this.#next, entry: text })
        .execute();
    });
    this.#next++;
  }

  /** Of the last attempt, up to the first entry that is damaged, without large vectors; empty when no attempt was begun. */
  async entries(): Promise<readonly JournalEntry[]> {
    return (await this.#read()).kept.map(({ entry }) => entry);
  }

  /** Whether every entry, with its file, is as it was written. What is appended from now on comes after the last one. */
  async isWhole(): Promise<boolean> {
    const { kept, rowCount } = await this.#read();
    if (kept.length < rowCount) return false;
    for (const { file } of kept) if (file !== undefined && !(await this.#bytes(file))) return false;
    this.#next = kept.length;
    return true;
  }

  /** All entries after the first, one by one in memory, with their vectors. @throws StorageError for a damaged file */
  async *events(): AsyncGenerator<RoundEvent> {
    const { kept } = await this.#read();
    for (const { entry, file } of kept.slice(1)) {
      const whole = file === undefined ? entry : await this.#wholeEntry(file);
      if (whole.kind !== 'begin') yield whole;
    }
  }

  /** The attempt is over and on record: nobody needs the vectors any more. */
  async removeFiles(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #textOf(entry: JournalEntry): Promise<string> {
    if (!hasVectors(entry)) return writeText(entry);
    const bytes = serialize(entry);
    const file = sha512Hex(bytes);
    await writeAtomically(this.#pathOf(file), bytes);
    return writeText({ kind: 'apart', file, entry: withoutVectors(entry) });
  }

  async #read(): Promise<{ readonly kept: readonly KeptEntry[]; readonly rowCount: number }> {
    const rows = await this.#database
      .selectFrom('journal')
      .select(['sequence', 'entry'])
      .where('run_id', '=', this.#runId)
      .orderBy('sequence')
      .execute();
    const kept: KeptEntry[] = [];
    for (const row of rows) {
      const entry = row.sequence === kept.length ? readEntry(row.entry) : undefined;
      if (!entry) break;
      kept.push(entry);
    }
    return { kept, rowCount: rows.length };
  }

  /** Undefined for a file that is missing or damaged. */
  async #bytes(file: string): Promise<Buffer | undefined> {
    const bytes = await readFile(this.#pathOf(file)).catch(() => undefined);
    return bytes && sha512Hex(bytes) === file ? bytes : undefined;
  }

  async #wholeEntry(file: string): Promise<JournalEntry> {
    const bytes = await this.#bytes(file);
    if (!bytes)
      throw new StorageError(
        `${this.#pathOf(file)} is missing or damaged: it holds the update of a site in a round that goes on`,
      );
    // The digest says that these are the bytes of an entry.
    return deserialize(bytes) as JournalEntry;
  }

  #pathOf(file: string): string {
    return join(this.#folder, `${file}.bin`);
  }
}
