/**
 * The coordinator's database. By default SQLite in one file, through libsql: write-ahead log with a flush at every
 * commit, so that what has been committed survives the loss of power, and several processes may have the file open at
 * once. Or a PostgreSQL server, where the location is a URL.
 */
import Libsql from 'libsql';
import { Kysely, Migrator, PostgresAdapter, PostgresDialect, sql, SqliteDialect } from 'kysely';
import { Pool } from 'pg';
import { messageOf, StorageError } from '../../shared/errors.ts';
import { migrations } from './migrations.ts';
import type { Tables } from './tables.ts';

export type Database = Kysely<Tables>;

/** While another process writes. */
const BUSY_MS = 5000;
const CONNECT_TIMEOUT_MS = 10_000;
/** The queue, the API and the sites' questions at once. */
const MAX_CONNECTIONS = 10;

export const isDatabaseServer = (location: string): boolean => /^postgres(?:ql)?:\/\//.test(location);

/**
 * Opens the database, or makes it, and brings it to the present schema.
 * @param location a file, or a postgres:// URL
 * @throws StorageError naming it
 */
export async function openDatabase(location: string): Promise<Database> {
  let database: Database | undefined;
  try {
    database = isDatabaseServer(location) ? postgres(location) : sqlite(location);
    const { error } = await new Migrator({ db: database, provider: migrations }).migrateToLatest();
    if (error !== undefined) throw new StorageError(messageOf(error), { cause: error });
    return database;
  } catch (cause) {
    await database?.destroy();
    const help = isDatabaseServer(location)
      ? 'check DATABASE_URL, that the server runs, and that its user may create tables'
      : 'check that the disk has space and that the file is this program’s';
    throw new StorageError(`the database ${nameOf(location)} cannot be used: ${reasonOf(cause)}; ${help}`, {
      cause,
    });
  }
}

function sqlite(file: string): Database {
  const connection = new Libsql(file, { timeout: BUSY_MS });
  for (const pragma of ['journal_mode = WAL', 'synchronous = FULL', 'foreign_keys = ON'])
    connection.pragma(pragma);
  // A transaction takes the right to write at its beginning: one that read first and found at its first write that another
  // process had written meanwhile would fail, and libsql would leave this connection with the old state.
  const database = {
    prepare: (statement: string) => connection.prepare(statement === 'begin' ? 'begin immediate' : statement),
    close: () => {
      connection.close();
    },
  };
  return new Kysely<Tables>({ dialect: new SqliteDialect({ database }) });
}

function postgres(url: string): Database {
  const pool = new Pool({
    connectionString: url,
    max: MAX_CONNECTIONS,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    application_name: 'consilium',
  });
  // A connection that breaks while nobody uses it is replaced at the next query, which tells of a server that is gone.
  pool.on('error', () => undefined);
  return new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
}

/** Without the password that a URL may hold. */
function nameOf(location: string): string {
  if (!isDatabaseServer(location)) return location;
  if (!URL.canParse(location)) return 'of DATABASE_URL';
  const { host, pathname } = new URL(location);
  return `${host}${pathname}`;
}

/** A refused connection has several reasons, one for each address that was tried. */
const reasonOf = (cause: unknown): string =>
  cause instanceof AggregateError ? cause.errors.map(messageOf).join(', ') : messageOf(cause);

/**
 * Lets one transaction of administration at a time go on, on a server with several connections. SQLite has one writer at
 * any time: whoever comes second there is told so, see `isConflict`.
 */
export async function takeTurns(transaction: Database): Promise<void> {
  if (transaction.getExecutor().adapter instanceof PostgresAdapter)
    await sql`lock table audit in exclusive mode`.execute(transaction);
}

/** Whether a transaction only came at the same time as another one, so that it may be tried again. */
export function isConflict(error: unknown): boolean {
  if (typeof error !== 'object' || error === null || !('code' in error)) return false;
  const { code } = error;
  // PostgreSQL: unique_violation, serialization_failure, deadlock_detected.
  return (
    typeof code === 'string' &&
    (code.startsWith('SQLITE_BUSY') ||
      code.startsWith('SQLITE_CONSTRAINT_PRIMARYKEY') ||
      ['23505', '40001', '40P01'].includes(code))
  );
}
