/**
 * Databases to test with: SQLite in a folder of its own, and a throw-away PostgreSQL: the one that CONSILIUM_TEST_POSTGRES
 * names, or one started from Debian's package on a socket in a temporary folder.
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { openDatabase, type Database } from '../../coordinator/storage/database.ts';
import { randomToken } from '../../shared/crypto/random.ts';
import { givenPostgres } from './postgres-config.ts';

export interface TestDatabases {
  readonly kind: string;
  /** A new, empty one. */
  locate(): Promise<string>;
  close(): Promise<void>;
}

export function sqliteDatabases(): TestDatabases {
  const folder = mkdtempSync(join(tmpdir(), 'consilium-sqlite-'));
  return {
    kind: 'libsql',
    locate: () => Promise.resolve(join(folder, `${randomToken()}.db`)),
    close: () => {
      rmSync(folder, { recursive: true });
      return Promise.resolve();
    },
  };
}

const DEBIAN_FOLDER = '/usr/lib/postgresql';

/** Of the newest version that is installed. */
function installedBinaries(): string | undefined {
  if (!existsSync(DEBIAN_FOLDER)) return undefined;
  const versions = readdirSync(DEBIAN_FOLDER).sort((a, b) => Number(b) - Number(a));
  return versions
    .map((version) => join(DEBIAN_FOLDER, version, 'bin'))
    .find((folder) => existsSync(join(folder, 'initdb')));
}

/** PostgreSQL refuses to run as root; Debian's package makes this user. */
function serverUser(): { readonly uid: number; readonly gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const idOf = (flag: string): number => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: idOf('-u'), gid: idOf('-g') };
}

/** Undefined where there is none; then `reason` says what is missing. */
export function postgresReason(): string | undefined {
  if (givenPostgres !== undefined || installedBinaries() !== undefined) return undefined;
  return `no PostgreSQL: CONSILIUM_TEST_POSTGRES is not set and ${DEBIAN_FOLDER} holds none`;
}

/** Its databases are made anew for each test and dropped with the server, or one by one on a server that was given. */
export async function postgresDatabases(): Promise<TestDatabases> {
  const server =
    givenPostgres === undefined ? await startServer() : { url: givenPostgres, stop: () => Promise.resolve() };
  const made: string[] = [];
  const administer = async (...commands: string[]): Promise<void> => {
    const client = new Client({ connectionString: server.url });
    await client.connect();
    try {
      for (const command of commands) await client.query(command);
    } finally {
      await client.end();
    }
  };
  return {
    kind: 'PostgreSQL',
    locate: async () => {
      const name = `consilium_${randomToken()
        .toLowerCase()
        .replaceAll(/[^a-z0-9]/g, '')}`;
      await administer(`create database ${name}`);
      made.push(name);
      return withDatabase(server.url, name);
    },
    close: async () => {
      await administer(...made.map((name) => `drop database ${name} with (force)`));
      await server.stop();
    },
  };
}

function withDatabase(url: string, name: string): string {
  const changed = new URL(url);
  changed.pathname = `/${name}`;
  return changed.href;
}

/** Not durable: what it holds is worth nothing after the tests. */
const FAST = [
  'fsync=off',
  'synchronous_commit=off',
  'full_page_writes=off',
  'listen_addresses=',
  'max_connections=40',
];

async function startServer(): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const binaries = installedBinaries();
  if (binaries === undefined) throw new Error(postgresReason());
  const folder = mkdtempSync(join(tmpdir(), 'consilium-pg-'));
  const user = serverUser();
  if (user) chownSync(folder, user.uid, user.gid);
  const data = join(folder, 'data');
  execFileSync(
    join(binaries, 'initdb'),
    ['-D', data, '-U', 'tester', '-A', 'trust', '-E', 'UTF8', '--no-sync'],
    {
      ...user,
      cwd: folder,
      stdio: 'ignore',
    },
  );
  const options = [...FAST, `unix_socket_directories=${folder}`].flatMap((option) => ['-c', option]);
  const server = spawn(join(binaries, 'postgres'), ['-D', data, ...options], {
    ...user,
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  try {
    await saysItIsReady(server);
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
  return {
    // libpq's form for a socket: its folder as the host.
    url: `postgres://tester@${encodeURIComponent(folder)}/postgres`,
    stop: async () => {
      const ended = new Promise((resolve) => server.once('exit', resolve));
      // "Fast": connections are ended, not waited for.
      server.kill('SIGINT');
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The server logs to its standard error. */
function saysItIsReady(server: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = '';
    server.stderr?.on('data', (text: Buffer) => {
      said += text.toString();
      if (said.includes('ready to accept connections')) resolve();
    });
    server.once('exit', () => {
      reject(new Error(`PostgreSQL did not start: ${said}`));
    });
  });
}

export async function openFresh(databases: TestDatabases): Promise<{ database: Database; location: string }> {
  const location = await databases.locate();
  return { database: await openDatabase(location), location };
}
