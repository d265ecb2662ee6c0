/** A run's rounds and sites in figures, put together from what is kept of its attempts. */
import type { RunId, SiteId } from '../../../shared/ids.ts';
import type { AttemptView } from '../../storage/attempt-view.ts';
import type { AttemptTimes, SiteDrop, SiteSums } from '../../storage/run-history.ts';
import type { StoredEvaluation } from '../../storage/stored-evaluation.ts';
import { bestOf } from '../../models/published-model.ts';
import type { AttemptItem, RoundPoint, RunSite } from './run-views.ts';
import type { ApiServices } from './services.ts';

type Published = Extract<AttemptView, { outcome: 'published' }>;
type Place = Pick<AttemptView, 'round' | 'attempt'>;

const same = (a: Place, b: Place): boolean => a.round === b.round && a.attempt === b.attempt;

/** Where no intervals were made: what the attempt itself says. */
function metricsOf(attempt: Published, evaluation: StoredEvaluation | undefined): RoundPoint['metrics'] {
  if (evaluation) return evaluation.metrics;
  const plain = Object.entries(attempt.metrics).map(
    ([name, value]): [string, RoundPoint['metrics'][string]] => [name, { value, interval: null }],
  );
  return Object.fromEntries(plain);
}

/** One for each published round. */
export async function roundPoints(
  { runs, versions, history }: Pick<ApiServices, 'runs' | 'versions' | 'history'>,
  runId: RunId,
): Promise<RoundPoint[]> {
  const attempts = await runs.attempts(runId);
  const models = await versions.ofRun(runId);
  const times = await history.attempts(runId);
  const bytes = await history.attemptBytes(runId);
  const evaluations = await history.evaluations(runId);
  const best = bestOf(models)?.round;
  const published = attempts.filter((attempt) => attempt.outcome === 'published');
  return published.map((attempt) => {
    const { round, modelHash, score, loss, meanLoss, survivors, dropped } = attempt;
    const carried = bytes.find((one) => same(one, attempt));
    return {
      ...{ round, attempt: attempt.attempt, modelHash, score, loss, trainingLoss: meanLoss },
      publishedAt: models.find((model) => model.round === round)?.publishedAt ?? null,
      metrics: metricsOf(attempt, evaluations.get(round)),
      ...{ survivors: survivors.length, dropped: dropped.length },
      bytesUp: carried?.bytesUp ?? null,
      bytesDown: carried?.bytesDown ?? null,
      seconds: secondsOf(times, attempt),
      isBest: round === best,
    };
  });
}

/** From the beginning of the round's first attempt. */
function secondsOf(times: readonly AttemptTimes[], published: Place): number | null {
  const first = times.find(({ round }) => round === published.round);
  const last = times.find((one) => same(one, published));
  return first && last ? (last.endMs - first.startMs) / 1000 : null;
}

export function attemptItems(
  attempts: readonly AttemptView[],
  times: readonly AttemptTimes[],
): AttemptItem[] {
  return attempts.map((view) => {
    const { round, attempt, outcome } = view;
    const time = times.find((one) => same(one, view));
    return {
      ...{ round, attempt, outcome, reason: view.outcome === 'aborted' ? view.reason : null },
      ...{ startMs: time?.startMs ?? null, endMs: time?.endMs ?? null, hasTimeline: time !== undefined },
    };
  });
}

/** By name; every site that was ever invited, survived or was dropped. */
export function runSites(
  attempts: readonly AttemptView[],
  { sums, drops }: { readonly sums: readonly SiteSums[]; readonly drops: readonly SiteDrop[] },
): RunSite[] {
  const roundsIn = new Map<SiteId, number>();
  const dropped = new Map<SiteId, RunSite['drops']>();
  const phases = new Map(drops.map((drop) => [nameOf(drop, drop.siteId), drop.phase]));
  for (const attempt of attempts) {
    if (attempt.outcome === 'published')
      for (const siteId of attempt.survivors) roundsIn.set(siteId, (roundsIn.get(siteId) ?? 0) + 1);
    for (const { siteId, reason } of attempt.dropped) {
      const phase = phases.get(nameOf(attempt, siteId)) ?? null;
      const drop = { round: attempt.round, attempt: attempt.attempt, phase, reason };
      dropped.set(siteId, [...(dropped.get(siteId) ?? []), drop]);
    }
  }
  const known = new Map(sums.map((one) => [one.siteId, one]));
  return [...new Set([...known.keys(), ...roundsIn.keys(), ...dropped.keys()])].sort().map((siteId) => {
    const { attempts: invited = 0, bytesUp = 0, bytesDown = 0, busyMs = 0 } = known.get(siteId) ?? {};
    return {
      ...{ siteId, roundsIn: roundsIn.get(siteId) ?? 0, attempts: invited, bytesUp, bytesDown },
      ...{ seconds: busyMs / 1000, drops: dropped.get(siteId) ?? [] },
    };
  });
}

const nameOf = ({ round, attempt }: Place, siteId: SiteId): string =>
  `${String(round)} ${String(attempt)} ${siteId}`;
