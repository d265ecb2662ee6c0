/**
 * The coordinator's database: SQLite in one file, through libsql. Write-ahead log with a flush at every commit: what has
 * been committed survives the loss of power, and several processes may have the file open at once.
 */
import Libsql from 'libsql';
import { Kysely, Migrator, SqliteDialect } from 'kysely';
import { messageOf, StorageError } from '../../shared/errors.ts';
import { migrations } from './migrations.ts';
import type { Tables } from './tables.ts';

export type Database = Kysely<Tables>;

/** While another process writes. */
const BUSY_MS = 5000;

/** Opens the file, or makes it, and brings it to the present schema. @throws StorageError naming the file */
export async function openDatabase(file: string): Promise<Database> {
  let database: Database | undefined;
  try {
    const connection = new Libsql(file, { timeout: BUSY_MS });
    for (const pragma of ['journal_mode = WAL', 'synchronous = FULL', 'foreign_keys = ON'])
      connection.pragma(pragma);
    database = new Kysely<Tables>({ dialect: new SqliteDialect({ database: connection }) });
    const { error } = await new Migrator({ db: database, provider: migrations }).migrateToLatest();
    if (error !== undefined) throw new StorageError(messageOf(error), { cause: error });
    return database;
  } catch (cause) {
    await database?.destroy();
    throw new StorageError(
      `the database ${file} cannot be used: ${messageOf(cause)}; check that the disk has space and that the file is this program's`,
      { cause },
    );
  }
}
