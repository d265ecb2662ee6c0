/** Looks things up in the record of administrative acts; it stays fast when that is long. */
import { sql } from 'kysely';
import { auditEntry, type AuditEntry } from './audit-log.ts';
import type { Database } from './database.ts';

export interface AuditQuery {
  /** Anywhere in actor, act, subject or detail, whatever the case. */
  readonly text?: string | undefined;
  readonly act?: string | undefined;
  readonly actor?: string | undefined;
  /** ISO 8601 in UTC; the first is within, the second is not. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  /** A sequence number: only older entries. */
  readonly before?: number | undefined;
  readonly limit: number;
}

/** `%` and `_` stand for themselves. */
const pattern = (text: string): string => `%${text.toLowerCase().replaceAll(/[\\%_]/g, String.raw`\$&`)}%`;

/** Newest first. */
export async function searchAudit(database: Database, query: AuditQuery): Promise<readonly AuditEntry[]> {
  const { text, act, actor, from, to, before, limit } = query;
  let select = database.selectFrom('audit').selectAll();
  if (act !== undefined) select = select.where('act', '=', act);
  if (actor !== undefined) select = select.where('actor', '=', actor);
  if (from !== undefined) select = select.where('at', '>=', from);
  if (to !== undefined) select = select.where('at', '<', to);
  if (before !== undefined) select = select.where('sequence', '<', before);
  if (text !== undefined) {
    const everything = sql`lower(actor || ' ' || act || ' ' || subject || ' ' || detail)`;
    select = select.where(sql<boolean>`${everything} like ${pattern(text)} escape '\\'`);
  }
  const rows = await select.orderBy('sequence', 'desc').limit(limit).execute();
  return rows.map(auditEntry);
}

/** Number of the last entry, and so of all of them. */
export async function auditLength(database: Database): Promise<number> {
  const row = await database
    .selectFrom('audit')
    .select((select) => select.fn.max('sequence').as('last'))
    .executeTakeFirst();
  return row?.last ?? 0;
}

/** What can be chosen from, sorted. */
export async function auditChoices(database: Database): Promise<{ actors: string[]; acts: string[] }> {
  const actors = await database.selectFrom('audit').select('actor').distinct().orderBy('actor').execute();
  const acts = await database.selectFrom('audit').select('act').distinct().orderBy('act').execute();
  return { actors: actors.map(({ actor }) => actor), acts: acts.map(({ act }) => act) };
}
