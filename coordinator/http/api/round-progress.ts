/** The attempt that a run is making, as people are shown it. */
import type { RunId } from '../../../shared/ids.ts';
import type { Progress, Timeline } from './round-views.ts';
import type { ApiServices } from './services.ts';

type Services = Pick<ApiServices, 'watch' | 'clock'>;

/** Undefined between two attempts. */
export function progressOf({ watch, clock }: Services, runId: RunId): Progress | undefined {
  const now = watch.snapshot(runId);
  if (!now) return undefined;
  const { round, attempt, phase, phaseStartMs, deadlineMs, cohortSize, sites } = now;
  return {
    ...{ runId, round, attempt, phase, phaseStartMs, cohortSize },
    deadlineMs: deadlineMs === null ? null : Math.round(deadlineMs),
    serverNowMs: Math.round(clock.nowMs()),
    perSite: sites.map(({ siteId, state, reason, bytesUp, bytesDown, steps }) => ({
      ...{ siteId, state, reason, bytesUp, bytesDown, steps },
    })),
  };
}

/** Undefined when the run is not making it. */
export function presentTimeline(
  { watch }: Pick<Services, 'watch'>,
  runId: RunId,
  place: { readonly round: number; readonly attempt: number },
): Timeline | undefined {
  const now = watch.snapshot(runId);
  if (now?.round !== place.round || now.attempt !== place.attempt) return undefined;
  const { round, attempt, startMs, spans, sites } = now;
  return {
    ...{ round, attempt, outcome: 'running', startMs, endMs: null },
    ...{ spans: [...spans], sites: [...sites] },
  };
}
