/**
 * The receipt of a round: the coordinator's signed words that this site's update is in a published model. It is made of
 * the messages of the round itself: the acknowledgement of the update (or, under secure aggregation, the list of
 * survivors), which names the site, and the publication, which names the model. Anyone with the federation's public
 * key can check it.
 */
import { z } from 'zod';
import { sha512Hex } from '../../shared/crypto/hash.ts';
import { verifyStatement } from '../../shared/crypto/statement.ts';
import { modelHashSchema, siteIdSchema, type SiteId } from '../../shared/ids.ts';
import { canonicalBytes } from '../../shared/protocol/canonical.ts';
import { hexOf } from '../../shared/protocol/hex.ts';
import { roundContextSchema, type CoordinatorMessage } from '../../shared/protocol/messages.ts';
import {
  ackStatement,
  publishedStatement,
  survivorsStatement,
  type Statement,
} from '../../shared/protocol/signatures.ts';

const signatureSchema = hexOf(64);

export const evidenceSchema = z.strictObject({
  context: roundContextSchema,
  /** The update was taken. */
  acknowledged: z
    .strictObject({ status: z.enum(['accepted', 'duplicate']), signature: signatureSchema })
    .optional(),
  /** Secure aggregation: whose updates are in the sum. */
  survivors: z.strictObject({ sites: z.array(siteIdSchema), signature: signatureSchema }).optional(),
});
/** What the coordinator has signed so far in a round. */
export type Evidence = z.infer<typeof evidenceSchema>;

export const receiptSchema = z.strictObject({
  siteId: siteIdSchema,
  evidence: evidenceSchema,
  published: z.strictObject({
    newModelHash: modelHashSchema,
    survivorCount: z.int().min(1),
    sumDigest: hexOf(64).optional(),
    signature: signatureSchema,
  }),
});
export type Receipt = z.infer<typeof receiptSchema>;

/** The evidence with what an authentic message adds to it; the same object for any other message. */
export function withEvidence(evidence: Evidence, message: CoordinatorMessage): Evidence {
  if (message.type === 'survivors') {
    const { survivors, signature } = message;
    return { ...evidence, survivors: { sites: survivors, signature } };
  }
  if (message.type !== 'ack' || message.of !== 'update' || evidence.acknowledged) return evidence;
  const { status } = message.result;
  return status === 'accepted' || status === 'duplicate'
    ? { ...evidence, acknowledged: { status, signature: message.signature } }
    : evidence;
}

export function receiptOf(
  siteId: SiteId,
  evidence: Evidence,
  message: Extract<CoordinatorMessage, { type: 'published' }>,
): Receipt {
  const { newModelHash, survivorCount, sumDigest, signature } = message;
  const digest = sumDigest === undefined ? {} : { sumDigest };
  return { siteId, evidence, published: { newModelHash, survivorCount, ...digest, signature } };
}

export const hashReceipt = (receipt: Receipt): string => sha512Hex(canonicalBytes(receipt));

/** What is wrong with a receipt, in words; undefined when it proves that the site's update counts. */
export function receiptFault(
  { siteId, evidence, published }: Receipt,
  coordinatorKey: Uint8Array,
): string | undefined {
  const { context, acknowledged, survivors } = evidence;
  const isSigned = ({ purpose, fields }: Statement, signature: string): boolean =>
    verifyStatement(coordinatorKey, { purpose, fields, signature });
  const { signature, newModelHash, survivorCount, sumDigest } = published;
  const digest = sumDigest === undefined ? {} : { sumDigest };
  if (!isSigned(publishedStatement({ context, newModelHash, survivorCount, ...digest }), signature))
    return 'the publication is not signed by the coordinator';
  if (acknowledged) {
    const { status } = acknowledged;
    if (
      !isSigned(ackStatement({ context, of: 'update', result: { status } }, siteId), acknowledged.signature)
    )
      return 'the acknowledgement is not signed by the coordinator for this site';
  }
  if (survivors) {
    if (!isSigned(survivorsStatement({ context, survivors: survivors.sites }), survivors.signature))
      return 'the list of survivors is not signed by the coordinator';
    if (!survivors.sites.includes(siteId)) return 'the survivors do not contain this site';
    if (survivors.sites.length !== survivorCount)
      return 'the publication counts other survivors than the list';
  }
  // Of a masked sum an acknowledgement says nothing: whose updates are in it is the list of survivors.
  if (sumDigest !== undefined && !survivors)
    return 'it is about a masked sum and has no list of the sites in it';
  return acknowledged || survivors ? undefined : 'nothing in it names this site';
}
