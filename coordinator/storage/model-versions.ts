/** The published models of all runs, and which of them is in use: a history to which is only ever added. */
import { sql } from 'kysely';
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
import type { Database } from './database.ts';

export interface ModelPlace {
  readonly runId: RunId;
  readonly round: number;
}

export interface ModelVersion extends ModelPlace {
  readonly modelHash: ModelHash;
  readonly score: number | null;
  /** ISO 8601. */
  readonly publishedAt: string;
  readonly planHash: PlanHash;
  readonly planName: string;
}

export interface Promotion extends ModelPlace {
  /** From 1. */
  readonly sequence: number;
  /** ISO 8601. */
  readonly at: string;
  readonly actor: string;
  readonly act: 'promoted' | 'rolled-back';
  readonly modelHash: ModelHash;
}

const samePlace = (a: ModelPlace, b: ModelPlace): boolean => a.runId === b.runId && a.round === b.round;

export class ModelVersions {
  readonly #database: Database;
  readonly #clock: Pick<Clock, 'nowMs'>;

  constructor(database: Database, clock: Pick<Clock, 'nowMs'>) {
    this.#database = database;
    this.#clock = clock;
  }

  /** Newest first. */
  async page(offset: number, limit: number): Promise<readonly ModelVersion[]> {
    const rows = await this.#rows()
      .orderBy('models.published_at', 'desc')
      .orderBy('models.run_id')
      .orderBy('models.round', 'desc')
      .limit(limit)
      .offset(offset)
      .execute();
    return rows.map(versionOf);
  }

  async count(): Promise<number> {
    const row = await this.#database
      .selectFrom('models')
      .select(sql<number | string>`count(*)`.as('count'))
      .executeTakeFirst();
    return Number(row?.count ?? 0);
  }

  async find({ runId, round }: ModelPlace): Promise<ModelVersion | undefined> {
    const row = await this.#rows()
      .where('models.run_id', '=', runId)
      .where('models.round', '=', round)
      .executeTakeFirst();
    return row && versionOf(row);
  }

  /** By round. */
  async ofRun(runId: RunId): Promise<readonly ModelVersion[]> {
    const rows = await this.#rows().where('models.run_id', '=', runId).orderBy('models.round').execute();
    return rows.map(versionOf);
  }

  /** Oldest first. */
  async promotions(): Promise<readonly Promotion[]> {
    const rows = await this.#database.selectFrom('promotions').selectAll().orderBy('sequence').execute();
    return rows.map(({ sequence, at, actor, act, run_id, round, model_hash }) => ({
      ...{ sequence, at, actor, act, round },
      runId: runIdSchema.parse(run_id),
      modelHash: modelHashSchema.parse(model_hash),
    }));
  }

  /** @throws InputError for a model that there is not, or that is in use */
  async promote(actor: string, place: ModelPlace): Promise<void> {
    const version = await this.find(place);
    const name = `round ${String(place.round)} of run ${place.runId}`;
    if (!version) throw new InputError(`there is no model of ${name}; see the list of models`);
    const { current } = inUse(await this.promotions());
    if (current && samePlace(current, place)) throw new InputError(`the model of ${name} is in use already`);
    await this.#add(actor, 'promoted', version);
  }

  /** What was in use before is in use again; returns it. @throws InputError where there was nothing */
  async rollBack(actor: string): Promise<ModelVersion> {
    const { previous } = inUse(await this.promotions());
    const version = previous && (await this.find(previous));
    if (!version) throw new InputError('no model was in use before: there is nothing to go back to');
    await this.#add(actor, 'rolled-back', version);
    return version;
  }

  async #add(actor: string, act: Promotion['act'], { runId, round, modelHash }: ModelVersion): Promise<void> {
    const last = await this.#database
      .selectFrom('promotions')
      .select((select) => select.fn.max('sequence').as('last'))
      .executeTakeFirst();
    await this.#database
      .insertInto('promotions')
      .values({
        ...{ sequence: (last?.last ?? 0) + 1, at: new Date(this.#clock.nowMs()).toISOString(), actor, act },
        ...{ run_id: runId, round, model_hash: modelHash },
      })
      .execute();
  }

  #rows() {
    return this.#database
      .selectFrom('models')
      .innerJoin('runs', 'runs.run_id', 'models.run_id')
      .innerJoin('plans', 'plans.plan_hash', 'runs.plan_hash')
      .select(['models.run_id', 'models.round', 'models.model_hash', 'models.score', 'models.published_at'])
      .select(['plans.plan_hash', 'plans.name']);
  }
}

/** A roll-back takes the last promotion back: what it leads to is not gone back to twice. */
export function inUse(promotions: readonly Promotion[]): {
  readonly current: Promotion | undefined;
  readonly previous: Promotion | undefined;
} {
  const stack: Promotion[] = [];
  for (const promotion of promotions) {
    if (promotion.act === 'promoted') stack.push(promotion);
    else stack.pop();
  }
  return { current: stack.at(-1), previous: stack.at(-2) };
}

interface VersionRow {
  readonly run_id: string;
  readonly round: number;
  readonly model_hash: string;
  readonly score: number | null;
  readonly published_at: string;
  readonly plan_hash: string;
  readonly name: string;
}

function versionOf(row: VersionRow): ModelVersion {
  return {
    ...{ runId: runIdSchema.parse(row.run_id), round: row.round, score: row.score },
    ...{ publishedAt: row.published_at, planName: row.name },
    modelHash: modelHashSchema.parse(row.model_hash),
    planHash: planHashSchema.parse(row.plan_hash),
  };
}
