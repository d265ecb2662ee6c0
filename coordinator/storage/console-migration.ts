/** What people want to look at later: who took part when, what models could do, what happened in a run, what is in use. */
import { sql, type Kysely, type Migration } from 'kysely';

/** Times in milliseconds and bytes are beyond 32 bits; a double holds them exactly, and comes back as a number. */
const LARGE = 'double precision';

async function addColumns(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('invitations').addColumn('created_at', 'text').execute();
  await db.schema.alterTable('sites').addColumn('last_contact_at', 'text').execute();
  await db.schema.alterTable('sites').addColumn('about', 'text').execute();
  await db.schema.alterTable('sites').addColumn('about_at_ms', LARGE).execute();
  await db.schema.alterTable('runs').addColumn('rank', LARGE).execute();
  // The order in which they were added, as it was until now.
  await sql`update runs set rank = (select count(*) from runs as other where other.added_at < runs.added_at
    or (other.added_at = runs.added_at and other.run_id <= runs.run_id))`.execute(db);
}

async function addRounds(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('attempt_spans')
    .addColumn('run_id', 'text', (column) => column.notNull().references('runs.run_id'))
    .addColumn('round', 'integer', (column) => column.notNull())
    .addColumn('attempt', 'integer', (column) => column.notNull())
    .addColumn('outcome', 'text', (column) => column.notNull())
    .addColumn('start_ms', LARGE, (column) => column.notNull())
    .addColumn('end_ms', LARGE, (column) => column.notNull())
    .addColumn('spans', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('attempt_spans_by_attempt', ['run_id', 'round', 'attempt'])
    .execute();
  await db.schema
    .createTable('attempt_sites')
    .addColumn('run_id', 'text', (column) => column.notNull().references('runs.run_id'))
    .addColumn('round', 'integer', (column) => column.notNull())
    .addColumn('attempt', 'integer', (column) => column.notNull())
    .addColumn('site_id', 'text', (column) => column.notNull())
    .addColumn('start_ms', LARGE, (column) => column.notNull())
    .addColumn('bytes_up', LARGE, (column) => column.notNull())
    .addColumn('bytes_down', LARGE, (column) => column.notNull())
    .addColumn('busy_ms', LARGE, (column) => column.notNull())
    .addColumn('dropped_in', 'text')
    .addColumn('body', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('attempt_sites_by_site', ['run_id', 'round', 'attempt', 'site_id'])
    .execute();
  await db.schema
    .createIndex('attempt_sites_latest')
    .on('attempt_sites')
    .columns(['site_id', 'start_ms'])
    .execute();
  await db.schema
    .createTable('evaluations')
    .addColumn('run_id', 'text', (column) => column.notNull().references('runs.run_id'))
    .addColumn('round', 'integer', (column) => column.notNull())
    .addColumn('body', 'text', (column) => column.notNull())
    .addColumn('curves', 'text')
    .addPrimaryKeyConstraint('evaluations_by_round', ['run_id', 'round'])
    .execute();
}

export const consoleMigration: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await addColumns(db);
    await addRounds(db);
    await db.schema
      .createTable('run_events')
      .addColumn('run_id', 'text', (column) => column.notNull().references('runs.run_id'))
      .addColumn('sequence', 'integer', (column) => column.notNull())
      .addColumn('at', 'text', (column) => column.notNull())
      .addColumn('body', 'text', (column) => column.notNull())
      .addPrimaryKeyConstraint('run_events_in_order', ['run_id', 'sequence'])
      .execute();
    await db.schema
      .createTable('promotions')
      .addColumn('sequence', 'integer', (column) => column.primaryKey())
      .addColumn('at', 'text', (column) => column.notNull())
      .addColumn('actor', 'text', (column) => column.notNull())
      .addColumn('act', 'text', (column) => column.notNull())
      .addColumn('run_id', 'text', (column) => column.notNull().references('runs.run_id'))
      .addColumn('round', 'integer', (column) => column.notNull())
      .addColumn('model_hash', 'text', (column) => column.notNull())
      .execute();
    await db.schema.createIndex('audit_by_act').on('audit').columns(['act', 'sequence']).execute();
    await db.schema.createIndex('audit_by_actor').on('audit').columns(['actor', 'sequence']).execute();
  },
};
