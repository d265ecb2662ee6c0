/**
 * What secure aggregation (Bonawitz et al. 2017, CCS, Figure 4) puts into the messages of a round. The context of all of
 * it is one hash, `secaggContext`, which every site computes from what it was told and what it knows itself.
 */
import { z } from 'zod';
import { siteIdSchema } from '../ids.ts';
import { repairSchema } from './bad-secret.ts';
import { hexOf } from './hex.ts';

/** SHA-512 over the context and, once they are known, the advertisements: which masks a message belongs to. */
export const bindingSchema = hexOf(64);

export const maskingHeaderSchema = z.strictObject({
  /** `hashRoster` of the roster that the coordinator works with. */
  rosterHash: hexOf(64),
  /** Shares that it takes to reconstruct a secret. */
  threshold: z.int().min(2).max(1024),
  /** The last published round of the run, or its counts; null before the first. */
  previous: z.strictObject({ round: z.int().min(0).max(1_000_000), transcript: hexOf(64) }).nullable(),
  /** The round is repeated although masks have come off: see `bad-secret.ts`. */
  repair: repairSchema.optional(),
});
export type MaskingHeader = z.infer<typeof maskingHeaderSchema>;

const keysFields = {
  /** X25519: for the boxes that shares travel in. */
  channelKey: hexOf(32),
  /** X25519: for the masks between two sites. */
  maskKey: hexOf(32),
  /** `seedCommitment` of the secret of the site's own mask. */
  commitment: hexOf(64),
};

/** A site's own keys of one attempt. `binding`: the context, so that the signature is good for nothing else. */
export const maskingKeysSchema = z.strictObject({ binding: bindingSchema, ...keysFields });
export type MaskingKeys = z.infer<typeof maskingKeysSchema>;

/** A site's keys as its peers get them: the binding is left out, because everyone has to know it. */
export const advertisementSchema = z.strictObject({
  siteId: siteIdSchema,
  ...keysFields,
  /** The site's, over its `advertise` message. */
  signature: hexOf(64),
});
export type Advertisement = z.infer<typeof advertisementSchema>;

/** A site's signature under its `consistent` message. */
export const peerSignatureSchema = z.strictObject({ siteId: siteIdSchema, signature: hexOf(64) });
export type PeerSignature = z.infer<typeof peerSignatureSchema>;
