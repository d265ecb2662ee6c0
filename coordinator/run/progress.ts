/**
 * A run as a sequence of rounds, as a pure function: which attempt comes next, which model is the best so far, when
 * to stop. Models are chosen by their validation score alone; the test set is not known here.
 */
import type { ModelHash, SiteId } from '../../shared/ids.ts';
import { COUNTS_ROUND, isCountsRound } from '../../shared/protocol/class-counts.ts';
import type { LedgerAnchor } from '../../shared/protocol/ledger-anchor.ts';
import type { FederationSettings } from '../../shared/protocol/plan.ts';
import type { AbortReason } from '../../shared/protocol/reasons.ts';
import type { FederatedValidation } from '../aggregation/local-validation.ts';
import type { Drop } from '../round/state.ts';

/** What the validation set says about a global model. */
export interface ValidationResult {
  /** Lower is better. */
  readonly loss: number;
  /** Higher is better; undefined where it has no value on this set. */
  readonly score: number | undefined;
  readonly metrics: Readonly<Record<string, number>>;
}

/** Where the ledger of a site stood when it had agreed to an attempt. */
export interface SiteAnchor extends LedgerAnchor {
  readonly siteId: SiteId;
}

export interface PublishedRecord {
  readonly outcome: 'published';
  readonly round: number;
  readonly attempt: number;
  readonly modelHash: ModelHash;
  /** Sorted. */
  readonly survivors: readonly SiteId[];
  readonly dropped: readonly Drop[];
  readonly validation: ValidationResult;
  /** The model that the round began with, on the survivors' own validation images. */
  readonly localValidation?: FederatedValidation;
  /** Of the survivors' training, where updates came in a ring: the coordinator knows no site's own. */
  readonly meanLoss?: number;
  /** Secure aggregation: what the next round builds on. */
  readonly transcript?: string;
  /** By site; absent where none has told. */
  readonly anchors?: readonly SiteAnchor[];
}

export interface AbortedRecord {
  readonly outcome: 'aborted';
  readonly round: number;
  readonly attempt: number;
  readonly reason: AbortReason;
  /**
   * Sites had been asked to unmask: they answer no other attempt of this round, so that the run goes on with the next one;
   * but for a repetition without those who have been proven to cheat.
   */
  readonly spent?: true;
  readonly dropped: readonly Drop[];
  readonly anchors?: readonly SiteAnchor[];
}

/** The round of counts has come to its end; there is one at most, and it comes first. */
export interface CountedRecord {
  readonly outcome: 'counted';
  readonly round: number;
  readonly attempt: number;
  /** Sorted. */
  readonly survivors: readonly SiteId[];
  readonly dropped: readonly Drop[];
  /** Training images of each class, of the survivors together. */
  readonly classCounts: readonly number[];
  /** Secure aggregation: what the next round builds on. */
  readonly transcript?: string;
  readonly anchors?: readonly SiteAnchor[];
}

export type AttemptRecord = PublishedRecord | CountedRecord | AbortedRecord;

export interface RunProgress {
  readonly settings: FederationSettings;
  /** The run begins with the round of counts. */
  readonly countsFirst: boolean;
  readonly records: readonly AttemptRecord[];
  readonly consecutiveAborts: number;
  /** The published record with the best validation score; of equal scores the one with the lower loss, then the earlier. */
  readonly best: PublishedRecord | undefined;
  /** The last published record that was better by the minimum improvement of early stopping. */
  readonly improved: PublishedRecord | undefined;
}

export type NextMove =
  | { readonly kind: 'attempt'; readonly round: number; readonly attempt: number }
  | { readonly kind: 'finished'; readonly because: 'all-rounds' | 'no-better-score' }
  | { readonly kind: 'failed'; readonly reason: AbortReason }
  | { readonly kind: 'stopped' };

/** What the round of counts has found, once it is over. */
export function classCountsIn(records: readonly AttemptRecord[]): readonly number[] | undefined {
  return records.find((record) => record.outcome === 'counted')?.classCounts;
}

export function newProgress(settings: FederationSettings, countsFirst = false): RunProgress {
  return { settings, countsFirst, records: [], consecutiveAborts: 0, best: undefined, improved: undefined };
}

/** Whether a validation result is better; an undefined score is worse than any. */
export function isBetter(candidate: ValidationResult, best: ValidationResult | undefined): boolean {
  if (!best) return true;
  const difference = (candidate.score ?? -Infinity) - (best.score ?? -Infinity);
  return difference > 0 || (!(difference < 0) && candidate.loss < best.loss);
}

/** Whether a result is better by at least `minimum`; for 0 whether it is better at all. */
function isImproved(
  candidate: ValidationResult,
  last: ValidationResult | undefined,
  minimum: number,
): boolean {
  if (minimum === 0 || last?.score === undefined) return isBetter(candidate, last);
  return candidate.score !== undefined && candidate.score - last.score >= minimum;
}

export function recordAttempt(progress: RunProgress, record: AttemptRecord): RunProgress {
  const records = [...progress.records, record];
  if (record.outcome === 'aborted')
    return { ...progress, records, consecutiveAborts: progress.consecutiveAborts + 1 };
  if (record.outcome === 'counted') return { ...progress, records, consecutiveAborts: 0 };
  const best = isBetter(record.validation, progress.best?.validation) ? record : progress.best;
  const minimum = progress.settings.earlyStopping?.minimumImprovement ?? 0;
  const isStep = isImproved(record.validation, progress.improved?.validation, minimum);
  const improved = isStep ? record : progress.improved;
  return { ...progress, records, consecutiveAborts: 0, best, improved };
}

/** `isRepairable`: the last round has been spoilt by sites whose cheating is proven, and all others are there. */
export function nextMove(progress: RunProgress, isRepairable = false): NextMove {
  const { settings, records, improved, countsFirst } = progress;
  const last = records.at(-1);
  if (!last) return { kind: 'attempt', round: countsFirst ? COUNTS_ROUND : 1, attempt: 1 };
  if (last.outcome === 'counted') return { kind: 'attempt', round: 1, attempt: 1 };
  if (last.outcome === 'aborted') {
    if (last.reason === 'stopped') return { kind: 'stopped' };
    if (progress.consecutiveAborts >= settings.maximumConsecutiveAborts)
      return { kind: 'failed', reason: last.reason };
    if (!last.spent || isRepairable) return { kind: 'attempt', round: last.round, attempt: last.attempt + 1 };
    // Counts are the same whatever the round: asked for again, they would show whose are missing.
    if (isCountsRound(last)) return { kind: 'failed', reason: last.reason };
    // The round is lost: its number is not used again.
    if (last.round < settings.rounds) return { kind: 'attempt', round: last.round + 1, attempt: 1 };
    return progress.best
      ? { kind: 'finished', because: 'all-rounds' }
      : { kind: 'failed', reason: last.reason };
  }
  if (last.round >= settings.rounds) return { kind: 'finished', because: 'all-rounds' };
  const { earlyStopping } = settings;
  if (earlyStopping && improved && last.round - improved.round >= earlyStopping.patience)
    return { kind: 'finished', because: 'no-better-score' };
  return { kind: 'attempt', round: last.round + 1, attempt: 1 };
}
