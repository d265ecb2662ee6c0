/**
 * What happens to a site's session and what it wants done. Hashes and signatures are computed before (`admission.ts`);
 * what follows from them is decided in `step.ts`.
 */
import type { ModelHash, PlanHash, SiteId } from '../../shared/ids.ts';
import type { MaskingHeader } from '../../shared/protocol/masking-messages.ts';
import type { AckResult, AnswerType, RoundContext } from '../../shared/protocol/messages.ts';
import type { RefusalReason } from '../../shared/protocol/reasons.ts';
import type { KnownPeers, Session } from './state.ts';

export type SessionEvent =
  | {
      readonly kind: 'announced';
      readonly context: RoundContext;
      readonly cohort: readonly SiteId[];
      /** Hash of the plan as it was sent. */
      readonly planHash: PlanHash;
      /** Signed by the coordinator that this site is enrolled with. */
      readonly authentic: boolean;
      /** Absent where neither the plan nor the announcement has secure aggregation. */
      readonly masking?: MaskingOffer;
      /** Absent where neither the plan nor the announcement has class counts. */
      readonly counts?: CountsOffer;
    }
  /** Secure aggregation: who takes part. */
  | {
      readonly kind: 'peersListed';
      readonly context: RoundContext;
      readonly peers: KnownPeers;
      /** What is wrong with the list (`masking-checks.ts`). */
      readonly finding: RefusalReason | undefined;
      readonly authentic: boolean;
    }
  /** Secure aggregation: the shares of the others are there. */
  | {
      readonly kind: 'relayed';
      readonly context: RoundContext;
      readonly members: readonly SiteId[];
      readonly finding: RefusalReason | undefined;
      readonly authentic: boolean;
    }
  /** Secure aggregation: whose updates are in the sum, as this site is told. */
  | {
      readonly kind: 'survivorsListed';
      readonly context: RoundContext;
      readonly survivors: readonly SiteId[];
      readonly authentic: boolean;
    }
  /** Secure aggregation: so many survivors have validly signed the list that this site has signed. */
  | {
      readonly kind: 'unmaskRequested';
      readonly context: RoundContext;
      readonly signerCount: number;
      readonly authentic: boolean;
    }
  | {
      readonly kind: 'trainRequested';
      readonly context: RoundContext;
      readonly cohort: readonly SiteId[];
      /** Hash of the weights as they were sent. */
      readonly modelHash: ModelHash;
      readonly authentic: boolean;
    }
  | {
      readonly kind: 'countRequested';
      readonly context: RoundContext;
      readonly cohort: readonly SiteId[];
      readonly authentic: boolean;
    }
  /** This site's images of each class. */
  | { readonly kind: 'counted'; readonly context: RoundContext; readonly classCounts: readonly number[] }
  /** Local training goes on. */
  | { readonly kind: 'stepsDone'; readonly context: RoundContext; readonly steps: number }
  | { readonly kind: 'trained'; readonly context: RoundContext }
  | { readonly kind: 'trainingFailed'; readonly context: RoundContext }
  | {
      readonly kind: 'acknowledged';
      readonly context: RoundContext;
      readonly of: AnswerType;
      readonly result: AckResult;
      readonly authentic: boolean;
    }
  /** The round is over: published, or aborted. */
  | {
      readonly kind: 'closed';
      readonly context: RoundContext;
      readonly published: boolean;
      readonly authentic: boolean;
      /** Secure aggregation: of the sum that was published. */
      readonly sumDigest?: string;
    }
  | { readonly kind: 'connected' };

/** What the plan and the announcement say of class counts. */
export interface CountsOffer {
  /** The plan's training needs them. */
  readonly isPlanned: boolean;
  /** Classes of the plan. */
  readonly classCount: number;
  /** The federation's, where the announcement has them. */
  readonly announced?: readonly number[];
}

/** What the plan and the announcement say of secure aggregation, and what the site makes of it. */
export interface MaskingOffer {
  /** The plan asks for it. */
  readonly isPlanned: boolean;
  /** The announcement has it. */
  readonly header?: MaskingHeader;
  /** `bindingOfTerms`; absent where the plan's ring has no room for the cohort. */
  readonly binding?: string;
  /** What the plan's threshold is for this cohort. */
  readonly threshold?: number;
  /** Of the roster that this site has accepted. */
  readonly rosterHash?: string;
  /** Whether all of the cohort are in it. */
  readonly isRosterComplete: boolean;
  /** The round is one that others have spoilt, which is proven, and this is its repetition with the other survivors. */
  readonly isRepair?: true;
}

export type SessionReport =
  | { readonly kind: 'joined'; readonly context: RoundContext }
  | { readonly kind: 'refused'; readonly context: RoundContext; readonly reason: RefusalReason }
  /** A message that cannot be the coordinator's was ignored. */
  | { readonly kind: 'ignored'; readonly context: RoundContext; readonly reason: RefusalReason }
  | { readonly kind: 'trainingStarted'; readonly context: RoundContext }
  | { readonly kind: 'countingStarted'; readonly context: RoundContext }
  | { readonly kind: 'acknowledged'; readonly context: RoundContext; readonly result: AckResult }
  | { readonly kind: 'closed'; readonly context: RoundContext }
  /** For the site's own eyes: only the code of the refusal crosses the wire. */
  | {
      readonly kind: 'trainingFailed';
      readonly context: RoundContext;
      /** Of the error; `INTERNAL` for one that is not this program's. */
      readonly code: string;
      /** May name files, and so patients: not for logs. */
      readonly message: string;
    };

export type SessionEffect =
  | { readonly kind: 'persist'; readonly event: SessionEvent }
  | { readonly kind: 'advertise'; readonly context: RoundContext }
  | { readonly kind: 'refuse'; readonly context: RoundContext; readonly reason: RefusalReason }
  /** Deals shares of this site's secrets the first time, sends the same bytes every time. */
  | { readonly kind: 'dealShares'; readonly context: RoundContext }
  /** Takes in the shares that were relayed. */
  | { readonly kind: 'keepShares'; readonly context: RoundContext }
  /** Signs the survivors. */
  | { readonly kind: 'signSurvivors'; readonly context: RoundContext }
  /** Sends the shares that take the masks off. The event that led to it has been journalled. */
  | { readonly kind: 'reveal'; readonly context: RoundContext }
  /** Answered by `trained` or `trainingFailed`. */
  | { readonly kind: 'startTraining'; readonly context: RoundContext }
  /** Answered by `counted` or `trainingFailed`. */
  | { readonly kind: 'startCounting'; readonly context: RoundContext }
  | { readonly kind: 'tellProgress'; readonly context: RoundContext; readonly steps: number }
  | { readonly kind: 'cancelTraining'; readonly context: RoundContext }
  /** Seals and signs the finished update the first time, sends the same bytes every time. */
  | { readonly kind: 'upload'; readonly context: RoundContext }
  /** The update has arrived and is never sent again. */
  | { readonly kind: 'discardUpdate'; readonly context: RoundContext }
  /** The update counts: what the site keeps of this round's training becomes its state of the run. */
  | { readonly kind: 'keepState'; readonly context: RoundContext }
  /** The finished update and the model of this context are no longer needed. */
  | { readonly kind: 'forget'; readonly context: RoundContext }
  | { readonly kind: 'emit'; readonly report: SessionReport };

export interface SessionTransition {
  readonly next: Session;
  readonly effects: readonly SessionEffect[];
}
