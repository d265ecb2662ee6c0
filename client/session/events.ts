/**
 * What happens to a site's session and what it wants done. Hashes and signatures are computed before (`admission.ts`);
 * what follows from them is decided in `step.ts`.
 */
import type { ModelHash, PlanHash, SiteId } from '../../shared/ids.ts';
import type { AckResult, RoundContext } from '../../shared/protocol/messages.ts';
import type { RefusalReason } from '../../shared/protocol/reasons.ts';
import type { Session } from './state.ts';

export type SessionEvent =
  | {
      readonly kind: 'announced';
      readonly context: RoundContext;
      readonly cohort: readonly SiteId[];
      /** Hash of the plan as it was sent. */
      readonly planHash: PlanHash;
      /** Signed by the coordinator that this site is enrolled with. */
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
  /** Local training goes on. */
  | { readonly kind: 'stepsDone'; readonly context: RoundContext; readonly steps: number }
  | { readonly kind: 'trained'; readonly context: RoundContext }
  | { readonly kind: 'trainingFailed'; readonly context: RoundContext }
  | {
      readonly kind: 'acknowledged';
      readonly context: RoundContext;
      readonly of: 'advertise' | 'update' | 'refuse';
      readonly result: AckResult;
    }
  /** The round is over: published, or aborted. */
  | { readonly kind: 'closed'; readonly context: RoundContext; readonly published: boolean }
  | { readonly kind: 'connected' };

export type SessionReport =
  | { readonly kind: 'joined'; readonly context: RoundContext }
  | { readonly kind: 'refused'; readonly context: RoundContext; readonly reason: RefusalReason }
  | { readonly kind: 'trainingStarted'; readonly context: RoundContext }
  | { readonly kind: 'acknowledged'; readonly context: RoundContext; readonly result: AckResult }
  | { readonly kind: 'closed'; readonly context: RoundContext }
  /** For the site's own eyes: only the code of the refusal crosses the wire. */
  | { readonly kind: 'trainingFailed'; readonly context: RoundContext; readonly message: string };

export type SessionEffect =
  | { readonly kind: 'persist'; readonly event: SessionEvent }
  | { readonly kind: 'advertise'; readonly context: RoundContext }
  | { readonly kind: 'refuse'; readonly context: RoundContext; readonly reason: RefusalReason }
  /** Answered by `trained` or `trainingFailed`. */
  | { readonly kind: 'startTraining'; readonly context: RoundContext }
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
