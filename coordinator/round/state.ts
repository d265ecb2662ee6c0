/**
 * The state of a round: one variant per phase, each holding only what that phase may know. Plain data, so that it can
 * be journalled, compared and replayed; what the functions of `step.ts` do with it is described there.
 *
 * The phases of secure aggregation (Bonawitz et al. 2017, Figure 4: sharing keys, consistency, unmasking) have their
 * places in the order; a plan whose protection does not need them passes them by. The round of counts (`class-counts.ts`)
 * is any other, but that it ends in counts: there is no model to evaluate.
 */
import type { ModelHash, SiteId } from '../../shared/ids.ts';
import type { Repair } from '../../shared/protocol/bad-secret.ts';
import type { RoundContext } from '../../shared/protocol/messages.ts';
import type { Plan } from '../../shared/protocol/plan.ts';
import type { ProtectionMode } from '../../shared/protocol/protection.ts';
import type { MaskingRules, MaskingState } from './masking-state.ts';
import type { AbortReason, DropReason } from '../../shared/protocol/reasons.ts';

/** In the order in which a round passes through them; 'aborted' can follow any but 'published'. */
export type Phase = 'selecting' | WaitingPhase | 'aggregating' | 'evaluating' | 'published' | 'aborted';

/** The phases that wait for an answer of every site of the cohort. */
export type WaitingPhase = 'advertising' | 'sharingKeys' | 'training' | 'consistency' | 'unmasking';

export interface RoundRules {
  readonly protection: ProtectionMode;
  readonly minimumCohort: number;
  readonly minimumSurvivors: number;
  readonly deadlinesMs: Readonly<Record<'selecting' | WaitingPhase, number>>;
  /** After the deadline of training: how long a site that advances keeps its place until it has to advance again. */
  readonly quietMs: number;
  /** From the beginning of training: nobody is waited for any longer. */
  readonly trainingLimitMs: number;
  /** Secure aggregation only. */
  readonly masking?: MaskingRules;
}

/** A site that no longer takes part in this attempt, and why. */
export interface Drop {
  readonly siteId: SiteId;
  readonly phase: Phase;
  readonly reason: DropReason;
}

interface Base {
  readonly context: RoundContext;
  readonly rules: RoundRules;
  readonly dropped: readonly Drop[];
}

export interface Selecting extends Base {
  readonly phase: 'selecting';
  /** Connected sites, sorted. */
  readonly available: readonly SiteId[];
}

export interface Waiting extends Base {
  readonly phase: WaitingPhase;
  /** Everyone who was announced to, sorted: whoever hears how the round ends. */
  readonly invited: readonly SiteId[];
  /** The sites still taking part, sorted. */
  readonly cohort: readonly SiteId[];
  /** Those of the cohort whose answer in this phase is complete, in the order of arrival. */
  readonly answered: readonly SiteId[];
  /** The deadline that is set, in milliseconds from the beginning of the phase. */
  readonly deadlineAtMs: number;
  /** Those of whom something has advanced since the last deadline. */
  readonly advancing: readonly SiteId[];
  /** Training steps of a site, as of the first time since each deadline that it told them. */
  readonly steps: Readonly<Record<string, number>>;
  /** Secure aggregation only. */
  readonly masking?: MaskingState;
}

export interface Aggregating extends Base {
  readonly phase: 'aggregating';
  readonly invited: readonly SiteId[];
  /** The sites whose update counts, sorted. */
  readonly survivors: readonly SiteId[];
  readonly masking?: MaskingState;
}

export interface Evaluating extends Base {
  readonly phase: 'evaluating';
  readonly invited: readonly SiteId[];
  readonly survivors: readonly SiteId[];
  readonly newModelHash: ModelHash;
  /** Secure aggregation: SHA-512 of the unmasked sum, and the round's transcript, which the next one builds on. */
  readonly unmasked?: Unmasked;
}

export interface Unmasked {
  /** Both 128 hexadecimal digits. */
  readonly sumDigest: string;
  readonly transcript: string;
}

/** Sites have spoilt the sum, which can be proven: the other survivors take part in another attempt, all of them. */
export interface PlannedRepair extends Repair {
  readonly sites: readonly SiteId[];
}

export interface Published extends Base {
  readonly phase: 'published';
  readonly survivors: readonly SiteId[];
  /** After the round of counts the model that it began with. */
  readonly newModelHash: ModelHash;
  /** Of the round of counts: of the survivors together. */
  readonly classCounts?: readonly number[];
  readonly unmasked?: Unmasked;
}

export interface Aborted extends Base {
  readonly phase: 'aborted';
  readonly reason: AbortReason;
  /** Sites have been asked to unmask: they answer no other attempt of this round. */
  readonly spent: boolean;
  /** The round may be repeated all the same. */
  readonly repair?: PlannedRepair;
}

export type Round = Selecting | Waiting | Aggregating | Evaluating | Published | Aborted;

/** The phase that follows; secure aggregation's own phases only where the protection needs them. */
export function phaseAfter(
  phase: WaitingPhase,
  protection: ProtectionMode,
): Exclude<WaitingPhase, 'advertising'> | 'aggregating' {
  switch (phase) {
    case 'advertising':
      return protection === 'secure-aggregation' ? 'sharingKeys' : 'training';
    case 'sharingKeys':
      return 'training';
    case 'training':
      return protection === 'secure-aggregation' ? 'consistency' : 'aggregating';
    case 'consistency':
      return 'unmasking';
    case 'unmasking':
      return 'aggregating';
  }
}

/**
 * What the plan says about a round. The phases that a box does not need have the deadline of the shortest exchange.
 * `masking`: for a plan with secure aggregation.
 */
export function rulesOf(plan: Plan, masking?: MaskingRules): RoundRules {
  const { minimumCohort, minimumSurvivors, deadlinesMs, trainingLimitFactor } = plan.federation;
  const { selecting, advertising, training, quiet } = deadlinesMs;
  return {
    protection: plan.protection.mode,
    minimumCohort,
    minimumSurvivors,
    deadlinesMs: {
      selecting,
      advertising,
      sharingKeys: advertising,
      training,
      consistency: advertising,
      unmasking: advertising,
    },
    quietMs: quiet,
    trainingLimitMs: Math.ceil(training * trainingLimitFactor),
    ...(masking && { masking }),
  };
}
