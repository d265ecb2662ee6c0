/**
 * Everything that crosses the wire between the coordinator and a site. These schemas are the only specification of
 * the messages: strict, so that an unknown key is an error. A `payload` travels as bytes beside the JSON header
 * (`codec.ts`). A decoded message is still untrusted: signatures and hashes are checked by who receives it.
 */
import { z } from 'zod';
import { modelHashSchema, planHashSchema, runIdSchema, siteIdSchema } from '../ids.ts';
import { classCountsSchema } from './class-counts.ts';
import { hexOf } from './hex.ts';
import { ledgerAnchorSchema } from './ledger-anchor.ts';
import { planSchema } from './plan.ts';
import {
  advertisementSchema,
  bindingSchema,
  maskingHeaderSchema,
  maskingKeysSchema,
  peerSignatureSchema,
} from './masking-messages.ts';
import { abortReasonSchema, dropReasonSchema, refusalReasonSchema } from './reasons.ts';

/** More sites than this would need another protocol (sampling). */
export const MAX_COHORT = 1024;

const signatureSchema = hexOf(64);
const payloadSchema = z.custom<Uint8Array>((value) => value instanceof Uint8Array, 'expected bytes');
const cohortSchema = z
  .array(siteIdSchema)
  .min(1)
  .max(MAX_COHORT)
  .refine((ids) => new Set(ids).size === ids.length, 'a site is named twice');

/** What every message of a round is about; all of it is under every signature. */
export const roundContextSchema = z.strictObject({
  runId: runIdSchema,
  /** From 1; 0 is the round of counts, see `class-counts.ts`. */
  round: z.int().min(0).max(1_000_000),
  /** From 1; an aborted round is repeated with the next number. */
  attempt: z.int().min(1).max(1_000_000),
  planHash: planHashSchema,
  /** The global model that the round starts from. */
  modelHash: modelHashSchema,
});
export type RoundContext = z.infer<typeof roundContextSchema>;

/** What a site answers with. */
export const answerTypeSchema = z.enum(['advertise', 'shares', 'update', 'consistent', 'unmasked', 'refuse']);
export type AnswerType = z.infer<typeof answerTypeSchema>;

export const coordinatorMessageSchema = z.discriminatedUnion('type', [
  /** A round begins; the site answers with `advertise` or `refuse`. */
  z.strictObject({
    type: z.literal('announce'),
    context: roundContextSchema,
    plan: planSchema,
    /** The sites that are invited. */
    cohort: cohortSchema,
    /** X25519 public key that updates, and answers that unmask, are sealed for. */
    boxKey: hexOf(32),
    /** Where the plan asks for secure aggregation. */
    masking: maskingHeaderSchema.optional(),
    /** Of the federation, where the plan's training needs them: what the round of counts has found. */
    classCounts: classCountsSchema.optional(),
    /** Of the coordinator, when the attempt began. */
    ledger: ledgerAnchorSchema.optional(),
    signature: signatureSchema,
  }),
  /** Secure aggregation: who takes part, with their keys. The site answers with `shares` or `refuse`. */
  z.strictObject({
    type: z.literal('share-keys'),
    context: roundContextSchema,
    advertisements: z.array(advertisementSchema).min(1).max(MAX_COHORT),
    signature: signatureSchema,
  }),
  /** Secure aggregation: the shares for this site, of every other member; `train` follows. See `share-payload.ts`. */
  z.strictObject({
    type: z.literal('relay'),
    context: roundContextSchema,
    /** The sites whose masks are in use. */
    members: cohortSchema,
    signature: signatureSchema,
    payload: payloadSchema,
  }),
  /** The cohort stands; the payload is the global model (`weightsToBytes`). The site answers with `update` or `refuse`. */
  z.strictObject({
    type: z.literal('train'),
    context: roundContextSchema,
    cohort: cohortSchema,
    signature: signatureSchema,
    payload: payloadSchema,
  }),
  /** In the round of counts, in the place of `train`. The site answers with `update`, which has its counts, or `refuse`. */
  z.strictObject({
    type: z.literal('count'),
    context: roundContextSchema,
    cohort: cohortSchema,
    signature: signatureSchema,
  }),
  /** Secure aggregation: whose updates are in the sum. The site answers with `consistent` or `refuse`. */
  z.strictObject({
    type: z.literal('survivors'),
    context: roundContextSchema,
    survivors: cohortSchema,
    signature: signatureSchema,
  }),
  /** Secure aggregation: what the sites have signed about the survivors. The site answers with `unmasked` or `refuse`. */
  z.strictObject({
    type: z.literal('unmask'),
    context: roundContextSchema,
    signatures: z.array(peerSignatureSchema).min(1).max(MAX_COHORT),
    signature: signatureSchema,
  }),
  /** What became of the site's last answer. */
  z.strictObject({
    type: z.literal('ack'),
    context: roundContextSchema,
    of: answerTypeSchema,
    result: z.discriminatedUnion('status', [
      z.strictObject({ status: z.literal('accepted') }),
      z.strictObject({ status: z.literal('duplicate') }),
      z.strictObject({ status: z.literal('late') }),
      z.strictObject({ status: z.literal('rejected'), reason: dropReasonSchema }),
    ]),
    signature: signatureSchema,
  }),
  /** The round has a new global model. */
  z.strictObject({
    type: z.literal('published'),
    context: roundContextSchema,
    newModelHash: modelHashSchema,
    survivorCount: z.int().min(1).max(MAX_COHORT),
    /** Secure aggregation: SHA-512 of the sum; the next round's transcript has it. */
    sumDigest: hexOf(64).optional(),
    signature: signatureSchema,
  }),
  z.strictObject({
    type: z.literal('aborted'),
    context: roundContextSchema,
    reason: abortReasonSchema,
    signature: signatureSchema,
  }),
]);
export type CoordinatorMessage = z.infer<typeof coordinatorMessageSchema>;

export const siteMessageSchema = z.discriminatedUnion('type', [
  /** The site takes part. */
  z.strictObject({
    type: z.literal('advertise'),
    context: roundContextSchema,
    siteId: siteIdSchema,
    /** Secure aggregation: the site's keys of this attempt. */
    masking: maskingKeysSchema.optional(),
    signature: signatureSchema,
  }),
  z.strictObject({
    type: z.literal('refuse'),
    context: roundContextSchema,
    siteId: siteIdSchema,
    reason: refusalReasonSchema,
    signature: signatureSchema,
  }),
  /** Local training goes on: so many steps are done. Sent now and then, so that the site keeps its place. */
  z.strictObject({
    type: z.literal('progress'),
    context: roundContextSchema,
    siteId: siteIdSchema,
    steps: z.int().min(1).max(1_000_000_000),
    signature: signatureSchema,
  }),
  /** Where the site's ledger stands now that it has agreed to the round. */
  z.strictObject({
    type: z.literal('anchor'),
    context: roundContextSchema,
    siteId: siteIdSchema,
    ledger: ledgerAnchorSchema,
    signature: signatureSchema,
  }),
  /** Secure aggregation: the payload has a share of the site's two secrets for each of its peers (`share-payload.ts`). */
  z.strictObject({
    type: z.literal('shares'),
    context: roundContextSchema,
    siteId: siteIdSchema,
    binding: bindingSchema,
    signature: signatureSchema,
    payload: payloadSchema,
  }),
  /** Secure aggregation: the site has been told of these survivors and of no others. */
  z.strictObject({
    type: z.literal('consistent'),
    context: roundContextSchema,
    siteId: siteIdSchema,
    binding: bindingSchema,
    survivorsHash: hexOf(64),
    signature: signatureSchema,
  }),
  /** Secure aggregation: the payload, sealed for the coordinator, has the shares that take the masks off. */
  z.strictObject({
    type: z.literal('unmasked'),
    context: roundContextSchema,
    siteId: siteIdSchema,
    binding: bindingSchema,
    signature: signatureSchema,
    payload: payloadSchema,
  }),
  /**
   * The payload is the update, masked or sealed where the plan says so (`update-payload.ts`), or in the round of counts
   * the site's counts (`class-counts.ts`); the signature covers its digest.
   */
  z.strictObject({
    type: z.literal('update'),
    context: roundContextSchema,
    siteId: siteIdSchema,
    /** Secure aggregation only. */
    binding: bindingSchema.optional(),
    signature: signatureSchema,
    payload: payloadSchema,
  }),
]);
export type SiteMessage = z.infer<typeof siteMessageSchema>;

export type MessageOf<M extends { type: string }, T extends M['type']> = Extract<M, { type: T }>;
export type AckResult = MessageOf<CoordinatorMessage, 'ack'>['result'];

/** Whether both name the same attempt of the same round of the same run from the same model. */
export function sameContext(a: RoundContext, b: RoundContext): boolean {
  return (
    a.runId === b.runId &&
    a.round === b.round &&
    a.attempt === b.attempt &&
    a.planHash === b.planHash &&
    a.modelHash === b.modelHash
  );
}

/** Negative when `a` is an earlier attempt than `b`. Only of one run. */
export function compareAttempts(
  a: Pick<RoundContext, 'round' | 'attempt'>,
  b: Pick<RoundContext, 'round' | 'attempt'>,
): number {
  return a.round === b.round ? a.attempt - b.attempt : a.round - b.round;
}
