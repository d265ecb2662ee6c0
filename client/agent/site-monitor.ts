/** What the running agent does at the moment, made from its reports: for the site's own page. Pure. */
import type { RoundContext } from '../../shared/protocol/messages.ts';
import type { StepLoss, TrainedRound, TrainingPlace } from '../training/watched-trainer.ts';
import type { SiteReport } from './site.ts';

export type LinkView =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'connected'; readonly sinceMs: number }
  | { readonly kind: 'waiting'; readonly reason: string; readonly retryAtMs: number };

/** How far the site is in the round, for people. */
export type RoundPhase = 'joined' | 'counting' | 'training' | 'sent' | 'accepted';

export interface RoundNow {
  readonly runId: string;
  /** 0 is the round of counts. */
  readonly round: number;
  readonly attempt: number;
  readonly planHash: string;
  readonly phase: RoundPhase;
  readonly sinceMs: number;
}

export interface TrainingNow extends TrainingPlace {
  readonly planName: string;
  readonly steps: number;
  readonly totalSteps?: number | undefined;
  /** Oldest first, spread over the whole round where there are more than `MAX_LOSSES`. */
  readonly losses: readonly StepLoss[];
  readonly device?: string | undefined;
  readonly seconds: number;
}

/** Something that people should know of. */
export interface Notice {
  readonly atMs: number;
  readonly text: string;
}

export interface SiteNow {
  readonly link: LinkView;
  readonly round: RoundNow | null;
  readonly training: TrainingNow | null;
  /** The training before, as far as it came. */
  readonly lastTraining: TrainingNow | null;
  readonly lastTrained: TrainedRound | null;
  /** Policy or roster cannot be used: no part in any round. */
  readonly problem: string | null;
  /** Newest last. */
  readonly notices: readonly Notice[];
}

export const NOT_BEGUN: SiteNow = {
  ...{ link: { kind: 'connecting' }, round: null, training: null, lastTraining: null },
  ...{ lastTrained: null, problem: null },
  notices: [],
};

const MAX_NOTICES = 50;
/** Enough for a curve of one round on a screen. */
const MAX_LOSSES = 400;

export function afterReport(now: SiteNow, report: SiteReport, nowMs: number): SiteNow {
  switch (report.kind) {
    case 'link': {
      const { status } = report;
      const link: LinkView =
        status.kind === 'connected'
          ? { kind: 'connected', sinceMs: nowMs }
          : { kind: 'waiting', reason: status.reason, retryAtMs: nowMs + status.delayMs };
      return { ...now, link };
    }
    case 'closed':
      return { ...now, problem: report.problem };
    case 'training':
      return afterTraining(now, report.report);
    case 'session':
      return afterSession(now, report.report, nowMs);
  }
}

type ReportOf<K extends 'session' | 'training'> = Extract<SiteReport, { kind: K }>['report'];

function afterTraining(now: SiteNow, report: ReportOf<'training'>): SiteNow {
  switch (report.kind) {
    case 'begun': {
      const { place, planName } = report;
      return { ...now, training: { ...place, planName, steps: 0, losses: [], seconds: 0 } };
    }
    case 'steps': {
      if (!now.training) return now;
      const { steps, seconds } = report;
      const { totalSteps, device } = report.figures;
      const losses = thinned([...now.training.losses, ...report.losses]);
      return { ...now, training: { ...now.training, steps, seconds, totalSteps, device, losses } };
    }
    case 'trained': {
      const round = now.round && ({ ...now.round, phase: 'sent' } as const);
      return { ...endTraining(now), round, lastTrained: report.trained };
    }
    case 'ended':
      return endTraining(now);
  }
}

/** Every other one, as often as there are too many; the last one stays. */
function thinned(losses: readonly StepLoss[]): readonly StepLoss[] {
  if (losses.length <= MAX_LOSSES) return losses;
  return thinned(losses.filter((_, i) => i % 2 === (losses.length - 1) % 2));
}

const endTraining = (now: SiteNow): SiteNow => ({
  ...now,
  training: null,
  lastTraining: now.training ?? now.lastTraining,
});

function afterSession(now: SiteNow, report: ReportOf<'session'>, nowMs: number): SiteNow {
  const { context } = report;
  const place = `run ${context.runId}, round ${String(context.round)}`;
  switch (report.kind) {
    case 'joined':
      // It has read policy and roster just now.
      return { ...inPhase(now, context, 'joined', nowMs), problem: null };
    case 'trainingStarted':
      return inPhase(now, context, 'training', nowMs);
    case 'countingStarted':
      return inPhase(now, context, 'counting', nowMs);
    case 'acknowledged':
      if (report.result.status === 'late' || report.result.status === 'rejected')
        return noticed(left(now, context), `${place}: the coordinator says: ${report.result.status}`, nowMs);
      // Every answer of a round is acknowledged; of interest is the one that carries what was learned.
      return now.round?.phase === 'sent' || now.round?.phase === 'counting'
        ? inPhase(now, context, 'accepted', nowMs)
        : now;
    case 'refused':
      return noticed(left(now, context), `${place}: refused: ${report.reason}`, nowMs);
    case 'ignored':
      return noticed(now, `${place}: a message was ignored: ${report.reason}`, nowMs);
    case 'trainingFailed':
      return noticed(now, `${place}: training failed: ${report.message}`, nowMs);
    case 'closed':
      return left(now, context);
  }
}

function inPhase(now: SiteNow, context: RoundContext, phase: RoundPhase, nowMs: number): SiteNow {
  const { runId, round, attempt, planHash } = context;
  return { ...now, round: { runId, round, attempt, planHash, phase, sinceMs: nowMs } };
}

function left(now: SiteNow, { runId, round, attempt }: RoundContext): SiteNow {
  const here = now.round;
  const isHere = here?.runId === runId && here.round === round && here.attempt === attempt;
  return isHere ? { ...now, round: null } : now;
}

const noticed = (now: SiteNow, text: string, atMs: number): SiteNow => ({
  ...now,
  notices: [...now.notices, { atMs, text }].slice(-MAX_NOTICES),
});
