/**
 * What happens to a round and what it wants done: events in, effects out. Both are plain data. Messages reach a
 * round as events only after `admission.ts` has checked signature, box and shape.
 */
import type { BadSecret } from '../../shared/protocol/bad-secret.ts';
import type { LocalValidation, UpdatePayload } from '../../shared/protocol/update-payload.ts';
import type { ModelHash, SiteId } from '../../shared/ids.ts';
import type {
  Advertisement,
  MaskingHeader,
  MaskingKeys,
  PeerSignature,
} from '../../shared/protocol/masking-messages.ts';
import type { LedgerAnchor } from '../../shared/protocol/ledger-anchor.ts';
import type { AckResult, AnswerType, RoundContext } from '../../shared/protocol/messages.ts';
import type { AbortReason, DropReason } from '../../shared/protocol/reasons.ts';
import type { RingVector } from '../../shared/secagg/ring.ts';
import type { RoundEnd } from './ending.ts';
import type { Phase, Round, RoundRules, Unmasked } from './state.ts';

export interface RoundStart {
  readonly kind: 'begin';
  readonly context: RoundContext;
  readonly rules: RoundRules;
  /** The sites that are connected now. */
  readonly available: readonly SiteId[];
  /** Of the coordinator: sites are told with the announcement. */
  readonly ledger?: LedgerAnchor;
  /** The end of the attempt before, of which sites that were away are told when they come. */
  readonly before?: RoundEnd;
}

export type Answer =
  | {
      readonly type: 'advertise';
      /** Secure aggregation: the keys, and the signature over them that the site's peers check. */
      readonly keys?: MaskingKeys;
      readonly signature?: string;
    }
  | { readonly type: 'refuse' }
  | {
      readonly type: 'shares';
      readonly binding: string;
      readonly dealt: Uint8Array;
      /** Under the whole message: what was dealt may have to be shown to others. */
      readonly signature: string;
    }
  | { readonly type: 'update'; readonly update: UpdatePayload }
  /** In a ring, under secure aggregation with masks; in the round of counts always. */
  | { readonly type: 'update'; readonly vector: RingVector; readonly binding?: string | undefined }
  | {
      readonly type: 'consistent';
      readonly binding: string;
      readonly survivorsHash: string;
      readonly signature: string;
    }
  | { readonly type: 'unmasked'; readonly binding: string; readonly revealed: Uint8Array };

/** A site that has cheated, as can be shown. */
export interface Culprit {
  readonly siteId: SiteId;
  readonly reason: 'bad-share' | 'bad-secret';
  /** Of a bad secret. */
  readonly proof?: BadSecret;
}

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
  /** An authentic word of the site about where its ledger stands. */
  | {
      readonly kind: 'anchored';
      readonly siteId: SiteId;
      readonly context: RoundContext;
      readonly ledger: LedgerAnchor;
    }
  /** A message of this site could not be admitted; `context` where it could be read. */
  | {
      readonly kind: 'rejected';
      readonly siteId: SiteId;
      readonly reason: DropReason;
      /** Of an answer that the site has signed, and that is not fit for the round in progress. */
      readonly about?: { readonly context: RoundContext; readonly of: AnswerType };
    }
  | {
      readonly kind: 'deadline';
      readonly round: number;
      readonly attempt: number;
      readonly phase: Phase;
    }
  | {
      readonly kind: 'aggregated';
      readonly newModelHash: ModelHash;
      readonly unmasked?: Unmasked;
      readonly culprits?: readonly Culprit[];
    }
  /** Of the round of counts, in the place of `aggregated` and `evaluated`. */
  | {
      readonly kind: 'counted';
      readonly classCounts: readonly number[];
      readonly unmasked?: Unmasked;
      readonly culprits?: readonly Culprit[];
    }
  | {
      readonly kind: 'aggregationFailed';
      /** Absent: aggregation-failed. */
      readonly reason?: AbortReason;
      readonly culprits?: readonly Culprit[];
    }
  | { readonly kind: 'evaluated' }
  | { readonly kind: 'evaluationFailed' }
  | { readonly kind: 'stop' }
  /** The program has ended and started again in the middle of the round. */
  | {
      readonly kind: 'resumed';
      /** The sites that are connected now. */
      readonly available: readonly SiteId[];
      /** By then all of them are back. */
      readonly graceMs: number;
    };

/** A message before the interpreter adds what a pure function cannot have: signature, keys, the model's bytes. */
export type Outgoing =
  | { readonly type: 'announce'; readonly cohort: readonly SiteId[]; readonly masking?: MaskingHeader }
  | { readonly type: 'share-keys'; readonly advertisements: readonly Advertisement[] }
  | { readonly type: 'relay'; readonly members: readonly SiteId[]; readonly payload: Uint8Array }
  | { readonly type: 'train'; readonly cohort: readonly SiteId[] }
  | { readonly type: 'count'; readonly cohort: readonly SiteId[] }
  | { readonly type: 'survivors'; readonly survivors: readonly SiteId[] }
  | { readonly type: 'unmask'; readonly signatures: readonly PeerSignature[] }
  | { readonly type: 'ack'; readonly of: AnswerType; readonly result: AckResult }
  | {
      readonly type: 'published';
      readonly newModelHash: ModelHash;
      readonly survivorCount: number;
      readonly sumDigest?: string;
    }
  | { readonly type: 'aborted'; readonly reason: AbortReason };

/** What an update says beside its vectors. */
export interface UpdateFigures {
  readonly exampleCount: number;
  readonly meanLoss: number;
  readonly validation?: LocalValidation | undefined;
}

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
      /** Absent where the update is masked: the coordinator does not know. */
      readonly figures?: UpdateFigures;
    }
  /** Secure aggregation: a site has been shown to cheat. It takes part in no further round of the run. */
  | ({ readonly kind: 'culprit' } & Omit<Culprit, 'proof'>)
  /** The deadline has passed; sites that advance are waited for a little longer. */
  | { readonly kind: 'extended'; readonly sites: readonly SiteId[]; readonly delayMs: number }
  /** The round of counts is over. */
  | {
      readonly kind: 'counted';
      readonly classCounts: readonly number[];
      readonly survivorCount: number;
    }
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
  /** The same for an update in a ring. */
  | { readonly kind: 'addVector'; readonly siteId: SiteId; readonly vector: RingVector }
  /** Keeps where a site's ledger stands for the record of the attempt. */
  | { readonly kind: 'noteAnchor'; readonly siteId: SiteId; readonly ledger: LedgerAnchor }
  /** Takes the masks off, where there are any, and turns the sum into a model; answered by `aggregated`, `counted` or `aggregationFailed`. */
  | { readonly kind: 'aggregate' }
  /** Evaluates the new model on the validation set; answered by `evaluated` or `evaluationFailed`. */
  | { readonly kind: 'evaluate'; readonly modelHash: ModelHash }
  | { readonly kind: 'emit'; readonly report: RoundReport };

export interface Transition {
  readonly next: Round;
  readonly effects: readonly Effect[];
}
