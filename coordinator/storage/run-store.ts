/** Plans, the queue of runs, and the models that runs have published. */
import type { Clock } from '../../shared/clock.ts';
import { InputError } from '../../shared/errors.ts';
import {
  modelHashSchema,
  planHashSchema,
  runIdSchema,
  type ModelHash,
  type PlanHash,
  type RunId,
} from '../../shared/ids.ts';
import { canonicalJson } from '../../shared/protocol/canonical.ts';
import { hashPlan, planSchema, type Plan } from '../../shared/protocol/plan.ts';
import type { Database } from './database.ts';
import type { RunStatus } from './tables.ts';

export interface QueuedRun {
  readonly runId: RunId;
  readonly planHash: PlanHash;
  readonly status: RunStatus;
  readonly failure: string | null;
  readonly addedAt: string;
}

export interface PublishedModel {
  readonly round: number;
  readonly modelHash: ModelHash;
  readonly score: number | null;
}

export interface StoredPlan {
  readonly planHash: PlanHash;
  readonly plan: Plan;
}

const storedPlan = ({ plan_hash, body }: { plan_hash: string; body: string }): StoredPlan => ({
  planHash: planHashSchema.parse(plan_hash),
  plan: planSchema.parse(JSON.parse(body)),
});

export class RunStore {
  readonly #database: Database;
  readonly #clock: Pick<Clock, 'nowMs'>;

  constructor(database: Database, clock: Pick<Clock, 'nowMs'>) {
    this.#database = database;
    this.#clock = clock;
  }

  /** The same plan again is no other plan. */
  async addPlan(plan: Plan): Promise<PlanHash> {
    const planHash = hashPlan(plan);
    const body = canonicalJson(plan);
    await this.#database
      .insertInto('plans')
      .values({ plan_hash: planHash, name: plan.task.name, body, added_at: this.#now() })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
    return planHash;
  }

  /** In the order in which they were added. */
  async plans(): Promise<readonly StoredPlan[]> {
    const rows = await this.#database
      .selectFrom('plans')
      .select(['plan_hash', 'body'])
      .orderBy('added_at')
      .execute();
    return rows.map(storedPlan);
  }

  /** By the hash or its beginning. @throws InputError when none or several begin so */
  async plan(beginning: string): Promise<StoredPlan> {
    const matches = await this.#database
      .selectFrom('plans')
      .select(['plan_hash', 'body'])
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

  /** Behind all that are in the queue. */
  async enqueue(runId: RunId, planHash: PlanHash): Promise<void> {
    const now = this.#now();
    const added = await this.#database
      .insertInto('runs')
      .values({
        run_id: runId,
        plan_hash: planHash,
        status: 'queued',
        failure: null,
        added_at: now,
        changed_at: now,
      })
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirst();
    if (added.numInsertedOrUpdatedRows === 0n)
      throw new InputError(`a run is called ${runId} already; choose another name`);
  }

  /** In the order of the queue. */
  async runs(): Promise<readonly QueuedRun[]> {
    const rows = await this.#database
      .selectFrom('runs')
      .selectAll()
      .orderBy('added_at')
      .orderBy('run_id')
      .execute();
    return rows.map((row) => ({
      runId: runIdSchema.parse(row.run_id),
      planHash: planHashSchema.parse(row.plan_hash),
      status: row.status,
      failure: row.failure,
      addedAt: row.added_at,
    }));
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
