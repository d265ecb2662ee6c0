/** What people look at later of a run: who was in which phase when, what its models can do, what happened. No weights. */
import { sql } from 'kysely';
import { z } from 'zod';
import type { Clock } from '../../shared/clock.ts';
import { runIdSchema, siteIdSchema, type RunId, type SiteId } from '../../shared/ids.ts';
import type { Database } from './database.ts';
import { storedEvaluationSchema, withoutCurves, type StoredEvaluation } from './stored-evaluation.ts';
import { runEventSchema, type StoredRunEvent, type TimedRunEvent } from './stored-run-event.ts';
import {
  phaseSchema,
  siteTrackSchema,
  spanSchema,
  type AttemptTrack,
  type SiteAttempt,
  type SiteTrack,
  type Span,
} from './attempt-track.ts';

const spansSchema = z.array(spanSchema);
const outcomeSchema = z.enum(['published', 'counted', 'aborted']);

export type AttemptTimes = Omit<AttemptTrack, 'sites'>;

export interface AttemptPlace {
  readonly round: number;
  readonly attempt: number;
}

export interface AttemptBytes extends AttemptPlace {
  readonly bytesUp: number;
  readonly bytesDown: number;
}

export interface SiteSums {
  readonly siteId: SiteId;
  readonly attempts: number;
  readonly bytesUp: number;
  readonly bytesDown: number;
  readonly busyMs: number;
}

export interface SiteDrop extends AttemptPlace {
  readonly siteId: SiteId;
  readonly phase: Span['phase'];
}

export interface EventPage {
  /** Newest first. */
  readonly events: readonly TimedRunEvent[];
  readonly total: number;
}

export class RunHistory {
  readonly #database: Database;
  readonly #clock: Pick<Clock, 'nowMs'>;

  constructor(database: Database, clock: Pick<Clock, 'nowMs'>) {
    this.#database = database;
    this.#clock = clock;
  }

  /** An attempt that has ended; the same one again is not kept twice. */
  async keepAttempt(runId: RunId, { sites, spans, outcome, ...track }: AttemptTrack): Promise<void> {
    const { round, attempt, startMs, endMs } = track;
    const place = { run_id: runId, round, attempt, start_ms: startMs };
    await this.#database.transaction().execute(async (database) => {
      await database
        .insertInto('attempt_spans')
        .values({ ...place, outcome, end_ms: endMs, spans: JSON.stringify(spans) })
        .onConflict((conflict) => conflict.doNothing())
        .execute();
      for (const { siteId, ...site } of sites)
        await database
          .insertInto('attempt_sites')
          .values({
            ...{ ...place, site_id: siteId, body: JSON.stringify(site) },
            ...{ bytes_up: site.bytesUp, bytes_down: site.bytesDown, busy_ms: busyMs(site) },
            dropped_in: site.reason === null ? null : (site.spans.at(-1)?.phase ?? null),
          })
          .onConflict((conflict) => conflict.doNothing())
          .execute();
    });
  }

  /** In the order in which they began. */
  async attempts(runId: RunId): Promise<readonly AttemptTimes[]> {
    const rows = await this.#database
      .selectFrom('attempt_spans')
      .selectAll()
      .where('run_id', '=', runId)
      .orderBy('start_ms')
      .execute();
    return rows.map((row) => ({
      round: row.round,
      attempt: row.attempt,
      outcome: outcomeSchema.parse(row.outcome),
      startMs: row.start_ms,
      endMs: row.end_ms,
      spans: spansSchema.parse(JSON.parse(row.spans)),
    }));
  }

  /** Of one attempt, by name. */
  async sitesOf(runId: RunId, { round, attempt }: AttemptPlace): Promise<readonly SiteAttempt[]> {
    const rows = await this.#database
      .selectFrom('attempt_sites')
      .selectAll()
      .where('run_id', '=', runId)
      .where('round', '=', round)
      .where('attempt', '=', attempt)
      .orderBy('site_id')
      .execute();
    return rows.map(siteAttempt);
  }

  /** What all sites together have sent and got, attempt by attempt. */
  async attemptBytes(runId: RunId): Promise<readonly AttemptBytes[]> {
    const rows = await this.#database
      .selectFrom('attempt_sites')
      .select(['round', 'attempt'])
      .select((select) => [select.fn.sum('bytes_up').as('up'), select.fn.sum('bytes_down').as('down')])
      .where('run_id', '=', runId)
      .groupBy(['round', 'attempt'])
      .execute();
    return rows.map(({ round, attempt, up, down }) => ({
      ...{ round, attempt, bytesUp: Number(up), bytesDown: Number(down) },
    }));
  }

  /** What each site has done in all attempts together, by name. */
  async siteSums(runId: RunId): Promise<readonly SiteSums[]> {
    const rows = await this.#database
      .selectFrom('attempt_sites')
      .select(['site_id', sql<number | string>`count(*)`.as('attempts')])
      .select((select) => [
        select.fn.sum('bytes_up').as('up'),
        select.fn.sum('bytes_down').as('down'),
        select.fn.sum('busy_ms').as('busy'),
      ])
      .where('run_id', '=', runId)
      .groupBy('site_id')
      .orderBy('site_id')
      .execute();
    return rows.map(({ site_id, attempts, up, down, busy }) => ({
      ...{ siteId: siteIdSchema.parse(site_id), attempts: Number(attempts) },
      ...{ bytesUp: Number(up), bytesDown: Number(down), busyMs: Number(busy) },
    }));
  }

  /** In which phase sites were dropped. */
  async drops(runId: RunId): Promise<readonly SiteDrop[]> {
    const rows = await this.#database
      .selectFrom('attempt_sites')
      .select(['round', 'attempt', 'site_id', 'dropped_in'])
      .where('run_id', '=', runId)
      .where('dropped_in', 'is not', null)
      .execute();
    return rows.map(({ round, attempt, site_id, dropped_in }) => ({
      ...{ round, attempt, siteId: siteIdSchema.parse(site_id), phase: phaseSchema.parse(dropped_in) },
    }));
  }

  /** A site's own, of whatever run, the newest first. */
  async latestOf(siteId: SiteId, limit: number): Promise<readonly SiteAttempt[]> {
    const rows = await this.#database
      .selectFrom('attempt_sites')
      .selectAll()
      .where('site_id', '=', siteId)
      .orderBy('start_ms', 'desc')
      .limit(limit)
      .execute();
    return rows.map(siteAttempt);
  }

  /** Curves are kept of this round and of the best one until now; a round that is judged again says the same. */
  async keepEvaluation(
    runId: RunId,
    { round, best, evaluation }: { round: number; best: number; evaluation: StoredEvaluation },
  ): Promise<void> {
    const body = JSON.stringify(withoutCurves(evaluation));
    await this.#database
      .insertInto('evaluations')
      .values({ run_id: runId, round, body, curves: JSON.stringify(evaluation) })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
    await this.#database
      .updateTable('evaluations')
      .set({ curves: null })
      .where('run_id', '=', runId)
      .where('round', 'not in', [round, best])
      .where('curves', 'is not', null)
      .execute();
  }

  async evaluation(runId: RunId, round: number): Promise<StoredEvaluation | undefined> {
    const row = await this.#database
      .selectFrom('evaluations')
      .select(['body', 'curves'])
      .where('run_id', '=', runId)
      .where('round', '=', round)
      .executeTakeFirst();
    return row && storedEvaluationSchema.parse(JSON.parse(row.curves ?? row.body));
  }

  /** By round, without curves. */
  async evaluations(runId: RunId): Promise<ReadonlyMap<number, StoredEvaluation>> {
    const rows = await this.#database
      .selectFrom('evaluations')
      .select(['round', 'body'])
      .where('run_id', '=', runId)
      .execute();
    return new Map(rows.map(({ round, body }) => [round, storedEvaluationSchema.parse(JSON.parse(body))]));
  }

  /** To be called by one writer a run at a time. */
  async addEvent(runId: RunId, event: StoredRunEvent): Promise<void> {
    await this.#database
      .insertInto('run_events')
      .values({
        run_id: runId,
        sequence: (await this.#lastEvent(runId)) + 1,
        at: new Date(this.#clock.nowMs()).toISOString(),
        body: JSON.stringify(event),
      })
      .execute();
  }

  /** @param before a sequence number; undefined: the newest */
  async events(runId: RunId, before: number | undefined, limit: number): Promise<EventPage> {
    let query = this.#database.selectFrom('run_events').selectAll().where('run_id', '=', runId);
    if (before !== undefined) query = query.where('sequence', '<', before);
    const rows = await query.orderBy('sequence', 'desc').limit(limit).execute();
    const events = rows.map(({ sequence, at, body }) => ({
      ...{ sequence, at },
      event: runEventSchema.parse(JSON.parse(body)),
    }));
    return { events, total: await this.#lastEvent(runId) };
  }

  async #lastEvent(runId: RunId): Promise<number> {
    const row = await this.#database
      .selectFrom('run_events')
      .select((select) => select.fn.max('sequence').as('last'))
      .where('run_id', '=', runId)
      .executeTakeFirst();
    return row?.last ?? 0;
  }
}

const busyMs = ({ spans }: Pick<SiteTrack, 'spans'>): number =>
  spans.reduce((total, { startMs, endMs }) => total + (endMs === null ? 0 : endMs - startMs), 0);

interface SiteRow {
  readonly run_id: string;
  readonly round: number;
  readonly attempt: number;
  readonly site_id: string;
  readonly start_ms: number;
  readonly body: string;
}

function siteAttempt({ run_id, round, attempt, site_id, start_ms, body }: SiteRow): SiteAttempt {
  const site: SiteTrack = siteTrackSchema.parse({ ...parsed(body), siteId: site_id });
  return { runId: runIdSchema.parse(run_id), round, attempt, startMs: start_ms, site };
}

const parsed = (body: string): object => z.looseObject({}).parse(JSON.parse(body));
