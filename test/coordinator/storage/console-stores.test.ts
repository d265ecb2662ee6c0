/** What only SQLite can be asked: older files, and how it looks things up. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Libsql from 'libsql';
import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { auditLength, searchAudit } from '../../../coordinator/storage/audit-search.ts';
import { openDatabase, type Database } from '../../../coordinator/storage/database.ts';

const ROWS = 100_000;

let root: string;
let database: Database;
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'consilium-console-'));
  database = await openDatabase(join(root, 'coordinator.db'));
});
afterEach(async () => {
  await database.destroy();
  rmSync(root, { recursive: true });
});

describe('the queue', () => {
  it('keeps the order in which runs were added when an older database is opened', async () => {
    const file = join(root, 'older.db');
    await (await openDatabase(file)).destroy();
    // As the schema was before: the last step taken back.
    const raw = new Libsql(file);
    for (const name of ['audit_by_act', 'audit_by_actor']) raw.exec(`drop index ${name}`);
    for (const name of ['attempt_spans', 'attempt_sites', 'evaluations', 'run_events', 'promotions'])
      raw.exec(`drop table ${name}`);
    for (const [table, column] of [
      ['runs', 'rank'],
      ['sites', 'last_contact_at'],
      ['sites', 'about'],
      ['sites', 'about_at_ms'],
      ['invitations', 'created_at'],
    ])
      raw.exec(`alter table ${String(table)} drop column ${String(column)}`);
    raw.exec("delete from kysely_migration where name = '0003-console'");
    raw.exec("insert into plans values ('h', 'n', '{}', 't')");
    for (const [name, at] of [
      ['z', '1'],
      ['y', '2'],
      ['x', '2'],
    ])
      raw.exec(
        `insert into runs (run_id, plan_hash, status, added_at, changed_at) values ('${String(name)}', 'h', 'queued', '${String(at)}', 't')`,
      );
    raw.close();
    const migrated = await openDatabase(file);
    const ranks = await migrated.selectFrom('runs').select(['run_id', 'rank']).orderBy('rank').execute();
    await migrated.destroy();
    expect(ranks).toEqual([
      { run_id: 'z', rank: 1 },
      { run_id: 'x', rank: 2 },
      { run_id: 'y', rank: 3 },
    ]);
  });
});

describe('the ledger', () => {
  it('has pages that cost the same wherever they are', async () => {
    await sql`insert into audit
      with recursive n(i) as (select 1 union all select i + 1 from n where i < ${sql.lit(ROWS)})
      select i, '2026-01-01', 'ann', case when i % 1000 = 0 then 'rare' else 'login' end, 'ann', '{}', '', '', '' from n`.execute(
      database,
    );
    expect(await auditLength(database)).toBe(ROWS);
    const middle = await searchAudit(database, { before: ROWS / 2, limit: 3 });
    expect(middle.map(({ sequence }) => sequence)).toEqual([ROWS / 2 - 1, ROWS / 2 - 2, ROWS / 2 - 3]);
    const rare = await searchAudit(database, { act: 'rare', before: 5000, limit: 2 });
    expect(rare.map(({ sequence }) => sequence)).toEqual([4000, 3000]);
    // Neither reads rows that it does not show, nor sorts.
    const plans = [
      sql`explain query plan select * from audit where sequence < 5000 order by sequence desc limit 3`,
      sql`explain query plan select * from audit where act = 'rare' and sequence < 5000 order by sequence desc limit 3`,
      sql`explain query plan select max(sequence) from audit`,
    ];
    for (const plan of plans) {
      const { rows } = await plan.execute(database);
      expect(JSON.stringify(rows)).toMatch(/SEARCH/);
      expect(JSON.stringify(rows)).not.toMatch(/TEMP B-TREE/);
    }
  });
});
