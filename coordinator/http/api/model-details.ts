/** Published models as people are shown them: alone, beside another one, and in use. */
import { LOSSES } from '../../../shared/learning/metrics/evaluation.ts';
import { planDifference } from '../../../shared/protocol/plan-difference.ts';
import { modelCard } from '../../models/model-card.ts';
import { signProvenance } from '../../models/provenance.ts';
import { bestOf } from '../../models/published-model.ts';
import { inUse, type ModelPlace, type ModelVersion as StoredVersion } from '../../storage/model-versions.ts';
import { found } from '../refusal.ts';
import type { CurrentModel, ModelComparison, ModelDetail, ModelVersion, Provenance } from './model-views.ts';
import type { ApiServices } from './services.ts';

const SHOWN_PROMOTIONS = 100;

const samePlace = (a: ModelPlace | undefined, b: ModelPlace): boolean =>
  a?.runId === b.runId && a.round === b.round;

/** Marks what is the best of its run and what is in use. */
export async function versionViews(
  { versions }: Pick<ApiServices, 'versions'>,
  stored: readonly StoredVersion[],
): Promise<ModelVersion[]> {
  const { current } = inUse(await versions.promotions());
  const runIds = [...new Set(stored.map(({ runId }) => runId))];
  const best = new Map(
    await Promise.all(
      runIds.map(async (runId) => [runId, bestOf(await versions.ofRun(runId))?.round] as const),
    ),
  );
  return stored.map((version) => ({
    ...version,
    isBest: best.get(version.runId) === version.round,
    isCurrent: samePlace(current, version),
  }));
}

/** @throws HttpRefusal when there is no such model */
export async function versionAt(services: ApiServices, place: ModelPlace): Promise<ModelVersion> {
  const name = `model of round ${String(place.round)} of run ${place.runId}`;
  const [view] = await versionViews(services, [found(await services.versions.find(place), name)]);
  return found(view, name);
}

async function provenanceOf(services: ApiServices, model: ModelVersion): Promise<Provenance> {
  const { runs, versions, folder } = services;
  const { runId, round, modelHash, planHash, publishedAt } = model;
  const attempts = (await runs.attempts(runId)).filter((attempt) => attempt.round <= round);
  const survivors = attempts.flatMap((one) => (one.outcome === 'published' ? one.survivors : []));
  const parent = (await versions.ofRun(runId)).findLast((one) => one.round < round);
  const signed = signProvenance(folder.identity, {
    ...{ modelHash, runId, round, planHash, parentHash: parent?.modelHash ?? null, publishedAt },
    ...{ federationId: folder.federationId, sites: [...new Set(survivors)].sort() },
  });
  return { ...signed, sites: [...signed.sites] };
}

/** @throws HttpRefusal when there is no such model */
export async function modelDetail(services: ApiServices, place: ModelPlace): Promise<ModelDetail> {
  const { runs, models, history } = services;
  const model = await versionAt(services, place);
  const { runId, round } = place;
  const plan = found(await runs.findPlan(model.planHash), 'such plan');
  const attempts = await runs.attempts(runId);
  const evaluation = await history.evaluation(runId, round);
  const bytes = await models.get(model.modelHash).then(
    ({ byteLength }) => byteLength,
    // Missing or damaged: neither can be used.
    () => undefined,
  );
  return {
    model,
    provenance: await provenanceOf(services, model),
    parameterCount: plan.parameterCount,
    file: { bytes: bytes ?? 0, state: bytes === undefined ? 'missing' : 'whole' },
    metrics: evaluation?.metrics ?? {},
    evaluation: evaluation ? { ...evaluation, round } : null,
    card: modelCard({ runId, plan, model }, attempts),
  };
}

/** @throws HttpRefusal when there is no such model */
export async function compareModels(
  services: ApiServices,
  { a, b }: { readonly a: ModelPlace; readonly b: ModelPlace },
): Promise<ModelComparison> {
  const { runs } = services;
  const [versionA, versionB] = [await versionAt(services, a), await versionAt(services, b)];
  const planA = found(await runs.findPlan(versionA.planHash), 'such plan');
  const planB = found(await runs.findPlan(versionB.planHash), 'such plan');
  const [ofA, ofB] = [await valuesOf(services, a), await valuesOf(services, b)];
  const names = [...new Set([...ofA.keys(), ...ofB.keys()])];
  return {
    ...{ a: versionA, b: versionB, planDifferences: [...planDifference(planA, planB)] },
    metrics: names.map((name) => {
      const [inA, inB] = [ofA.get(name) ?? null, ofB.get(name) ?? null];
      const difference = inA === null || inB === null ? null : inB - inA;
      return { name, a: inA, b: inB, difference, isLossMetric: isLoss(name) };
    }),
  };
}

const isLoss = (name: string): boolean => [...LOSSES].some((loss) => loss === name);

/** By name: of its evaluation, or of its round where none is kept. */
async function valuesOf(
  { history, runs }: ApiServices,
  { runId, round }: ModelPlace,
): Promise<ReadonlyMap<string, number>> {
  const evaluation = await history.evaluation(runId, round);
  if (evaluation)
    return new Map(Object.entries(evaluation.metrics).map(([name, { value }]) => [name, value]));
  const attempt = (await runs.attempts(runId)).find(
    (one) => one.outcome === 'published' && one.round === round,
  );
  return new Map(attempt?.outcome === 'published' ? Object.entries(attempt.metrics) : []);
}

export async function currentModel(services: ApiServices): Promise<CurrentModel> {
  const promotions = await services.versions.promotions();
  const { current, previous } = inUse(promotions);
  return {
    current: current ? await versionAt(services, current) : null,
    previous: previous ? await versionAt(services, previous) : null,
    history: promotions.toReversed().slice(0, SHOWN_PROMOTIONS),
  };
}
