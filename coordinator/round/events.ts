/**
 * What happens to a round and what it wants done: events in, effects out. Both are plain data. Messages reach a
 * round as events only after `admission.ts` has checked signature, box and shape.
 */
import type { LocalValidation, UpdatePayload } from '../../shared/protocol/update-payload.ts';
import type { ModelHash, SiteId } from '../../shared/ids.ts';
import type { AckResult, RoundContext } from '../../shared/protocol/messages.ts';
import type { AbortReason, DropReason } from '../../shared/protocol/reasons.ts';
import type { Phase, Round, RoundRules } from './state.ts';

export interface RoundStart {
  readonly kind: 'begin';
  readonly context: RoundContext;
  readonly rules: RoundRules;
  /** The sites that are connected now. */
  readonly available: readonly SiteId[];
}

export type Answer =
  | { readonly type: 'advertise' }
  | { readonly type: 'refuse' }
  | { readonly type: 'update'; readonly update: UpdatePayload };

export type RoundEvent =
  | { readonly kind: 'connected'; readonly siteId: SiteId }
  | { readonly kind: 'disconnected'; readonly siteId: SiteId }
  /** An authentic, well-formed answer. */
  | {
      readonly kind: 'answered';
      readonly siteId: SiteId;
      readonly context: RoundContext;
      readonly answer: Answer;
    }
  /** Bytes of a large message of this site are arriving, or wait for those of others. */
  | { readonly kind: 'transferring'; readonly siteId: SiteId }
  /** An authentic word of the site that so many steps of its training are done. */
  | {
      readonly kind: 'stepsDone';
      readonly siteId: SiteId;
      readonly context: RoundContext;
      readonly steps: number;
    }
  /** A message of this site could not be admitted; `context` where it could be read. */
  | { readonly kind: 'rejected'; readonly siteId: SiteId; readonly reason: DropReason }
  | {
      readonly kind: 'deadline';
      readonly round: number;
      readonly attempt: number;
      readonly phase: Phase;
    }
  | { readonly kind: 'aggregated'; readonly newModelHash: ModelHash }
  | { readonly kind: 'aggregationFailed' }
  | { readonly kind: 'evaluated' }
  | { readonly kind: 'evaluationFailed' }
  | { readonly kind: 'stop' };

/** A message before the interpreter adds what a pure function cannot have: signature, keys, the model's bytes. */
export type Outgoing =
  | { readonly type: 'announce'; readonly cohort: readonly SiteId[] }
  | { readonly type: 'train'; readonly cohort: readonly SiteId[] }
  | { readonly type: 'ack'; readonly of: Answer['type']; readonly result: AckResult }
  | { readonly type: 'published'; readonly newModelHash: ModelHash; readonly survivorCount: number }
  | { readonly type: 'aborted'; readonly reason: AbortReason };

/** For people and reports; nothing depends on them. */
export type RoundReport =
  | { readonly kind: 'phaseEntered'; readonly phase: Phase; readonly cohortSize: number }
  | {
      readonly kind: 'siteDropped';
      readonly siteId: SiteId;
      readonly phase: Phase;
      readonly reason: DropReason;
    }
  | {
      readonly kind: 'updateAccepted';
      readonly siteId: SiteId;
      readonly exampleCount: number;
      readonly meanLoss: number;
      readonly validation?: LocalValidation | undefined;
    }
  /** The deadline has passed; sites that advance are waited for a little longer. */
  | { readonly kind: 'extended'; readonly sites: readonly SiteId[]; readonly delayMs: number }
  | { readonly kind: 'aborted'; readonly reason: AbortReason };

export type Effect =
  /** Before any other effect of the same step. */
  | { readonly kind: 'persist'; readonly entry: RoundStart | RoundEvent }
  | { readonly kind: 'send'; readonly to: SiteId; readonly context: RoundContext; readonly message: Outgoing }
  /** Replaces the round's deadline. */
  | { readonly kind: 'setDeadline'; readonly phase: Phase; readonly delayMs: number }
  | { readonly kind: 'clearDeadline' }
  /** Adds an update to the running sum. */
  | { readonly kind: 'accumulate'; readonly siteId: SiteId; readonly update: UpdatePayload }
  /** Turns the sum into a model; answered by `aggregated` or `aggregationFailed`. */
  | { readonly kind: 'aggregate' }
  /** Evaluates the new model on the validation set; answered by `evaluated` or `evaluationFailed`. */
  | { readonly kind: 'evaluate'; readonly modelHash: ModelHash }
  | { readonly kind: 'emit'; readonly report: RoundReport };

export interface Transition {
  readonly next: Round;
  readonly effects: readonly Effect[];
}
