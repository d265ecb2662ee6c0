/** Plans, the queue of runs, and the models that runs have published. */
import { sql, type Selectable } from 'kysely';
import { z } from 'zod';
import type { Clock } from '../../shared/clock.ts';
import { InputError } from '../../shared/errors.ts';
import {
  modelHashSchema,
  planHashSchema,
  runIdSchema,
  siteIdSchema,
  type ModelHash,
  type PlanHash,
  type RunId,
  type SiteId,
} from '../../shared/ids.ts';
import { canonicalJson } from '../../shared/protocol/canonical.ts';
import { hashPlan, type Plan, planSchema } from '../../shared/protocol/plan.ts';
import { MAX_OFFERED_PLAN_BYTES, MAX_OFFERED_PLANS } from '../../shared/protocol/site-requests.ts';
import type { Database } from './database.ts';
import { attemptViewSchema, type AttemptView } from './attempt-view.ts';
import type { RunStatus, Tables } from './tables.ts';

export interface QueuedRun {
  readonly runId: RunId;
  readonly planHash: PlanHash;
  readonly status: RunStatus;
  readonly failure: string | null;
  readonly addedAt: string;
  /** Of its status. */
  readonly changedAt: string;
  /** That it is for; undefined: all. */
  readonly sites: readonly SiteId[] | undefined;
}

/** What people ask of a run that is there. */
export type RunWish = 'pause' | 'resume' | 'stop';

const WISHES: Readonly<Record<RunWish, { readonly to: RunStatus; readonly from: readonly RunStatus[] }>> = {
  /** Let it wait after its round. */
  pause: { to: 'paused', from: ['running'] },
  resume: { to: 'running', from: ['paused'] },
  stop: { to: 'stopped', from: ['queued', 'running', 'paused'] },
};

const sitesSchema = z.array(siteIdSchema).min(1);

const queuedRun = (row: Selectable<Tables['runs']>): QueuedRun => ({
  runId: runIdSchema.parse(row.run_id),
  planHash: planHashSchema.parse(row.plan_hash),
  status: row.status,
  failure: row.failure,
  addedAt: row.added_at,
  changedAt: row.changed_at,
  sites: row.sites === null ? undefined : sitesSchema.parse(JSON.parse(row.sites)),
});

export interface PublishedModel {
  readonly round: number;
  readonly modelHash: ModelHash;
  readonly score: number | null;
}

export interface StoredPlan {
  readonly planHash: PlanHash;
  readonly plan: Plan;
}

/** As the list of plans has it: `plan` is absent where it is of another version of the protocol. */
export interface ListedPlan extends ForeignPlan {
  /** ISO 8601. */
  readonly addedAt: string;
  readonly plan: Plan | undefined;
}

/** A plan of another version of the protocol: it is kept, but nothing here can read it. */
export interface ForeignPlan {
  readonly planHash: PlanHash;
  readonly name: string;
}

type PlanRow = Pick<Selectable<Tables['plans']>, 'plan_hash' | 'name' | 'body'>;

/** @throws SyntaxError when the database holds what is no JSON */
const readPlan = ({ body }: PlanRow): Plan | undefined => planSchema.safeParse(JSON.parse(body)).data;

/** @throws InputError for a plan of another version of the protocol */
function storedPlan(row: PlanRow): StoredPlan {
  const plan = readPlan(row);
  if (!plan)
    throw new InputError(
      `plan ${row.plan_hash.slice(0, 12)} is of another version of the protocol: add it anew, which gives it another hash`,
    );
  return { planHash: planHashSchema.parse(row.plan_hash), plan };
}

export class RunStore {
  readonly #database: Database;
  readonly #clock: Pick<Clock, 'nowMs'>;

  constructor(database: Database, clock: Pick<Clock, 'nowMs'>) {
    this.#database = database;
    this.#clock = clock;
  }

  /** The same plan again is no other plan. @throws InputError when there are as many as sites can be told of */
  async addPlan(plan: Plan): Promise<PlanHash> {
    const planHash = hashPlan(plan);
    const body = canonicalJson(plan);
    await this.#requireRoom(planHash, body);
    await this.#database
      .insertInto('plans')
      .values({ plan_hash: planHash, name: plan.task.name, body, added_at: this.#now() })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
    return planHash;
  }

  /** An answer with more would be refused by every site, whole. */
  async #requireRoom(planHash: PlanHash, body: string): Promise<void> {
    const others = (await this.#planRows()).filter((row) => row.plan_hash !== planHash && readPlan(row));
    const bytes = [body, ...others.map((row) => row.body)].reduce(
      (sum, text) => sum + Buffer.byteLength(text),
      0,
    );
    if (others.length >= MAX_OFFERED_PLANS || bytes > MAX_OFFERED_PLAN_BYTES)
      throw new InputError(
        `the ${String(others.length)} plans that there are leave no room: sites are told of ${String(MAX_OFFERED_PLANS)} of at most ${String(MAX_OFFERED_PLAN_BYTES)} bytes together; begin a new federation`,
      );
  }

  /** Those that can be read, in the order in which they were added. */
  async plans(): Promise<readonly StoredPlan[]> {
    return (await this.#planRows()).flatMap((row) => {
      const plan = readPlan(row);
      return plan ? [{ planHash: planHashSchema.parse(row.plan_hash), plan }] : [];
    });
  }

  /** Those that no site is offered, because they are of another version of the protocol. */
  async foreignPlans(): Promise<readonly ForeignPlan[]> {
    const rows = (await this.#planRows()).filter((row) => !readPlan(row));
    return rows.map(({ plan_hash, name }) => ({ planHash: planHashSchema.parse(plan_hash), name }));
  }

  /** All of them, in the order in which they were added. */
  async listPlans(): Promise<readonly ListedPlan[]> {
    const rows = await this.#database
      .selectFrom('plans')
      .select(['plan_hash', 'name', 'body', 'added_at'])
      .orderBy('added_at')
      .execute();
    return rows.map((row) => ({
      planHash: planHashSchema.parse(row.plan_hash),
      name: row.name,
      addedAt: row.added_at,
      plan: readPlan(row),
    }));
  }

  /** @throws InputError when a run has used it, or there is none: what was trained with has to stay readable */
  async removePlan(planHash: PlanHash): Promise<void> {
    const user = (await this.runs()).find((run) => run.planHash === planHash);
    if (user) throw new InputError(`run ${user.runId} has used this plan: it stays`);
    const removed = await this.#database
      .deleteFrom('plans')
      .where('plan_hash', '=', planHash)
      .executeTakeFirst();
    if (removed.numDeletedRows === 0n) throw new InputError('there is no such plan; see the list of plans');
  }

  #planRows(): Promise<readonly PlanRow[]> {
    return this.#database
      .selectFrom('plans')
      .select(['plan_hash', 'name', 'body'])
      .orderBy('added_at')
      .execute();
  }

  /** @throws InputError for a plan of another version of the protocol */
  async findPlan(planHash: PlanHash): Promise<Plan | undefined> {
    const row = await this.#database
      .selectFrom('plans')
      .select(['plan_hash', 'name', 'body'])
      .where('plan_hash', '=', planHash)
      .executeTakeFirst();
    return row && storedPlan(row).plan;
  }

  /** By the hash or its beginning. @throws InputError when none or several begin so, or it is of another protocol */
  async plan(beginning: string): Promise<StoredPlan> {
    const matches = await this.#database
      .selectFrom('plans')
      .select(['plan_hash', 'name', 'body'])
      .where(
        (where) => where.fn('substr', ['plan_hash', where.lit(1), where.val(beginning.length)]),
        '=',
        beginning,
      )
      .limit(2)
      .execute();
    const [only, ...others] = matches;
    if (!only || beginning === '')
      throw new InputError(`no plan begins with "${beginning}"; see the list of plans`);
    if (others.length > 0)
      throw new InputError(`several plans begin with "${beginning}"; give more of its hash`);
    return storedPlan(only);
  }

  /**
   * Behind all that are in the queue.
   * @param sites that it is for; undefined: all
   */
  async enqueue(runId: RunId, planHash: PlanHash, sites?: readonly SiteId[]): Promise<void> {
    if (sites) await this.#requireEnough(planHash, sites);
    const now = this.#now();
    const added = await this.#database
      .insertInto('runs')
      .values({
        run_id: runId,
        plan_hash: planHash,
        status: 'queued',
        failure: null,
        sites: sites ? JSON.stringify(sitesSchema.parse([...new Set(sites)].sort())) : null,
        added_at: now,
        changed_at: now,
        rank: (await this.#lastRank()) + 1,
      })
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirst();
    if (added.numInsertedOrUpdatedRows === 0n)
      throw new InputError(`a run is called ${runId} already; choose another name`);
  }

  async #lastRank(): Promise<number> {
    const row = await this.#database
      .selectFrom('runs')
      .select((select) => select.fn.max('rank').as('last'))
      .executeTakeFirst();
    return row?.last ?? 0;
  }

  /**
   * To another place in the queue. Those that wait exchange their ranks; nothing else moves.
   * @param before undefined: behind all that wait
   * @throws InputError when one of the two does not wait
   */
  async move(runId: RunId, before: RunId | undefined): Promise<void> {
    const rows = await this.#database
      .selectFrom('runs')
      .select(['run_id', 'rank'])
      .where('status', '=', 'queued')
      .orderBy('rank')
      .orderBy('run_id')
      .execute();
    const waiting = rows.map((row) => row.run_id);
    for (const id of [runId, before])
      if (id !== undefined && !waiting.includes(id))
        throw new InputError(`run ${id} does not wait in the queue`);
    const others = waiting.filter((id) => id !== runId);
    const place = before === undefined || before === runId ? -1 : others.indexOf(before);
    const order =
      before === runId ? waiting : others.toSpliced(place === -1 ? others.length : place, 0, runId);
    for (const [i, id] of order.entries())
      await this.#database
        .updateTable('runs')
        .set({ rank: rows[i]?.rank ?? 0 })
        .where('run_id', '=', id)
        .where('status', '=', 'queued')
        .execute();
  }

  async #requireEnough(planHash: PlanHash, sites: readonly SiteId[]): Promise<void> {
    const minimum = (await this.findPlan(planHash))?.federation.minimumCohort ?? 0;
    if (new Set(sites).size < minimum)
      throw new InputError(`a round of this plan needs ${String(minimum)} sites at least: name so many`);
  }

  /** In the order of the queue. */
  async runs(): Promise<readonly QueuedRun[]> {
    const rows = await this.#database
      .selectFrom('runs')
      .selectAll()
      .orderBy('rank')
      .orderBy('run_id')
      .execute();
    return rows.map(queuedRun);
  }

  /** How far runs have come: how many rounds of training they have published, and the best score. */
  async publishedRounds(): Promise<ReadonlyMap<RunId, { rounds: number; bestScore: number | null }>> {
    const rows = await this.#database
      .selectFrom('models')
      .select(['run_id', sql<number | string>`count(*)`.as('rounds')])
      .select((select) => select.fn.max('score').as('best'))
      .where('round', '>', 0)
      .groupBy('run_id')
      .execute();
    return new Map(
      rows.map(({ run_id, rounds, best }) => [
        runIdSchema.parse(run_id),
        { rounds: Number(rounds), bestScore: best },
      ]),
    );
  }

  async run(runId: RunId): Promise<QueuedRun | undefined> {
    const row = await this.#database
      .selectFrom('runs')
      .selectAll()
      .where('run_id', '=', runId)
      .executeTakeFirst();
    return row && queuedRun(row);
  }

  /** What people ask for. @throws InputError for an unknown run, or one that is not in a state for it */
  async wish(runId: RunId, wish: RunWish): Promise<void> {
    const { to, from } = WISHES[wish];
    if (await this.changeStatus(runId, from, to)) return;
    const known = await this.run(runId);
    if (!known) throw new InputError(`no run is called ${runId}; see the list of runs`);
    throw new InputError(`run ${runId} is ${known.status}`);
  }

  /** From one of `from` only, so that what somebody else has decided meanwhile stays. False: it was not. */
  async changeStatus(runId: RunId, from: readonly RunStatus[], to: RunStatus): Promise<boolean> {
    const changed = await this.#database
      .updateTable('runs')
      .set({ status: to, changed_at: this.#now() })
      .where('run_id', '=', runId)
      .where('status', 'in', from)
      .executeTakeFirst();
    return changed.numUpdatedRows > 0n;
  }

  /** What the attempts of a run came to; the same position again is the same attempt. */
  async addAttempt(runId: RunId, position: number, attempt: AttemptView): Promise<void> {
    await this.#database
      .insertInto('attempts')
      .values({ run_id: runId, position, record: JSON.stringify(attempt) })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  }

  /** In order. */
  async attempts(runId: RunId): Promise<readonly AttemptView[]> {
    const rows = await this.#database
      .selectFrom('attempts')
      .select('record')
      .where('run_id', '=', runId)
      .orderBy('position')
      .execute();
    return rows.map(({ record }) => attemptViewSchema.parse(JSON.parse(record)));
  }

  /** `failure`: why, of a failed run. */
  async setStatus(runId: RunId, status: RunStatus, failure: string | null = null): Promise<void> {
    await this.#database
      .updateTable('runs')
      .set({ status, failure, changed_at: this.#now() })
      .where('run_id', '=', runId)
      .execute();
  }

  /** A round that was published twice, because the program ended in between, is published once. */
  async publish(runId: RunId, { round, modelHash, score }: PublishedModel): Promise<void> {
    await this.#database
      .insertInto('models')
      .values({ run_id: runId, round, model_hash: modelHash, score, published_at: this.#now() })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  }

  /** In the order of the rounds. */
  async models(runId: RunId): Promise<readonly PublishedModel[]> {
    const rows = await this.#database
      .selectFrom('models')
      .select(['round', 'model_hash', 'score'])
      .where('run_id', '=', runId)
      .orderBy('round')
      .execute();
    return rows.map(({ round, model_hash, score }) => ({
      round,
      modelHash: modelHashSchema.parse(model_hash),
      score,
    }));
  }

  #now(): string {
    return new Date(this.#clock.nowMs()).toISOString();
  }
}
