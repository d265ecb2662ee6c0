/** What the coordinator's commands list of its records, also where some of them are missing or cannot be read. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { initCoordinator } from '../../../coordinator/config.ts';
import { Administration, COMMAND_LINE } from '../../../coordinator/storage/administration.ts';
import { openDatabase, type Database } from '../../../coordinator/storage/database.ts';
import { RunStore } from '../../../coordinator/storage/run-store.ts';
import { coordinatorCommand } from '../../../simulations/cli/coordinator-command.ts';
import { planOf } from '../../coordinator/fixtures.ts';

const clock = { nowMs: () => 0 };
let root: string;
let folder: string;
let database: Database;
let administration: Administration;
let output: string;
let exitCode: typeof process.exitCode;
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'consilium-records-'));
  folder = join(root, 'coordinator');
  const config = { host: '127.0.0.1', port: 0, url: 'http://127.0.0.1:1', behindTlsProxy: false };
  const made = initCoordinator(folder, config);
  database = await openDatabase(made.database);
  administration = new Administration(database, clock, made.identity);
  exitCode = process.exitCode;
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    output += String(text);
    return true;
  });
});
afterEach(async () => {
  vi.restoreAllMocks();
  process.exitCode = exitCode;
  await database.destroy();
  rmSync(root, { recursive: true });
});

async function call(...args: string[]): Promise<string> {
  output = '';
  await coordinatorCommand().parseAsync([...args, '--dir', folder], { from: 'user' });
  return output;
}

it('the record of acts is listed once each where entries are missing, with hashes for programs only', async () => {
  for (const subject of ['x', 'y', 'z'])
    await administration.note({ actor: COMMAND_LINE, act: 'login', subject });
  const entries = await administration.log.entries(database, 0, 10);
  await database.deleteFrom('audit').where('sequence', '=', 2).execute();
  const listed = JSON.parse(await call('ledger', 'list', '--json')) as Record<string, unknown>[];
  expect(listed.map(({ subject, hash }) => [subject, hash])).toEqual([
    ['x', entries[0]?.hash],
    ['z', entries[2]?.hash],
  ]);
  expect(listed[1]).toMatchObject({ sequence: 3, previousHash: entries[1]?.hash });
  expect(await call('ledger', 'list')).not.toContain(entries[0]?.hash);
});

it('pages of the record begin after the last number, not after the count', async () => {
  await administration.note({ actor: 'ann', act: 'login', subject: 'x' });
  const [row] = await database.selectFrom('audit').selectAll().execute();
  if (!row) throw new Error('no entry');
  const rows = Array.from({ length: 1000 }, (_, i) => ({ ...row, sequence: 5 + i }));
  for (let i = 0; i < rows.length; i += 100)
    await database
      .insertInto('audit')
      .values(rows.slice(i, i + 100))
      .execute();
  const listed = JSON.parse(await call('ledger', 'list', '--json')) as { sequence: number }[];
  expect(listed.map(({ sequence }) => sequence)).toEqual([1, ...rows.map(({ sequence }) => sequence)]);
});

it('a plan of another version of the protocol is listed as such', async () => {
  await new RunStore(database, clock).addPlan(planOf());
  const body = JSON.stringify({ protocolVersion: 0 });
  await database
    .insertInto('plans')
    .values({ plan_hash: 'f'.repeat(128), name: 'of old', body, added_at: '' })
    .execute();
  expect(JSON.parse(await call('plan', 'list', '--json'))).toMatchObject([
    { name: 'two blobs', note: '' },
    {
      plan: 'f'.repeat(128),
      name: 'of old',
      note: expect.stringContaining('not offered to sites') as string,
    },
  ]);
});
