/**
 * The proof that a site has dealt shares of another secret than the one it advertised, for everyone who knows the round: the
 * commitments that it has signed, and as many shares that fit them as make a secret. An honest site cannot be accused:
 * of its commitments only its own shares are openings, and any of them make its own secret.
 *
 * A round whose sum such a site has spoilt may be repeated although masks have come off, without it and with exactly the
 * other survivors: a coordinator that knows both sums learns the update of the site that cheated, and nothing else
 * (Bonawitz et al. 2017, §6, answer one unmasking, because the sums of two sets that differ by one site give that site away).
 */
import { z } from 'zod';
import type { SignedStatement } from '../crypto/statement.ts';
import { agreementPublicKey } from '../crypto/agreement.ts';
import { fromHex, toHex, wipe } from '../crypto/bytes.ts';
import { CryptoError } from '../crypto/crypto-error.ts';
import { siteIdSchema, type SiteId } from '../ids.ts';
import { selfMaskCommitment } from '../secagg/share-keys.ts';
import { joinShares, SHARE_BYTES } from '../secagg/shares.ts';
import type { Topology } from '../secagg/topology.ts';
import { hexOf } from './hex.ts';
import type { Advertisement } from './masking-messages.ts';
import type { RoundContext } from './messages.ts';
import { commitToShare, dealtBytes, decodeDealt, SHARE_KINDS, type ShareKind } from './share-payload.ts';
import { sharesStatement } from './signatures.ts';

/** As many as a share has coordinates. */
const MAX_SHARES = 255;

export const badSecretSchema = z.strictObject({
  siteId: siteIdSchema,
  kind: z.enum(SHARE_KINDS),
  /** What the site has dealt (`share-payload.ts`), hexadecimal. */
  dealt: z
    .string()
    .regex(/^([0-9a-f]{2})*$/, 'expected bytes as hex')
    .max(2 * dealtBytes(MAX_SHARES)),
  /** The site's, over its `shares` message. */
  signature: hexOf(64),
  shares: z
    .array(z.strictObject({ holder: siteIdSchema, share: hexOf(SHARE_BYTES) }))
    .min(2)
    .max(MAX_SHARES),
});
export type BadSecret = z.infer<typeof badSecretSchema>;

/** In the announcement of a repeated round: the attempt that was spoilt, and by whom. */
export const repairSchema = z.strictObject({
  attempt: z.int().min(1).max(1_000_000),
  proofs: z.array(badSecretSchema).min(1).max(MAX_SHARES),
});
export type Repair = z.infer<typeof repairSchema>;

/** What a party of the spoilt attempt knows of it. */
export interface SpoiltAttempt {
  readonly context: RoundContext;
  /** `bindingOfMembers` */
  readonly memberBinding: string;
  readonly advertisements: readonly Advertisement[];
  readonly topology: Topology;
  /** U2 and U3 of Bonawitz et al. 2017, Figure 4. */
  readonly members: readonly SiteId[];
  readonly survivors: readonly SiteId[];
}

/** Which of a member's secrets the shares of the others give away: of its own mask where it survives. */
export const revealedKind = ({ survivors }: Pick<SpoiltAttempt, 'survivors'>, siteId: SiteId): ShareKind =>
  survivors.includes(siteId) ? 'own-mask' : 'mask-key';

/** Whether a secret is the one that its site has advertised. */
export function isAdvertised(secret: Uint8Array, kind: ShareKind, advertisement: Advertisement): boolean {
  switch (kind) {
    case 'own-mask':
      return toHex(selfMaskCommitment(secret, advertisement.siteId)) === advertisement.commitment;
    case 'mask-key':
      return toHex(agreementPublicKey(secret)) === advertisement.maskKey;
  }
}

/** Undefined when shares that their dealer has committed to are malformed: that is the dealer's doing. */
export async function joinedSecret(shares: readonly Uint8Array[]): Promise<Uint8Array | undefined> {
  try {
    return await joinShares(shares);
  } catch (error) {
    if (error instanceof CryptoError) return undefined;
    throw error;
  }
}

export interface Verification {
  /** Ed25519, of the site that is accused. */
  readonly publicKey: Uint8Array;
  readonly verify: (publicKey: Uint8Array, statement: SignedStatement) => boolean;
}

/** Whether the proof holds. */
export async function isProven(
  proof: BadSecret,
  attempt: SpoiltAttempt,
  { publicKey, verify }: Verification,
): Promise<boolean> {
  const { siteId, kind, signature } = proof;
  const advertisement = attempt.advertisements.find((entry) => entry.siteId === siteId);
  if (!advertisement || !attempt.members.includes(siteId)) return false;
  if (kind !== revealedKind(attempt, siteId)) return false;
  const { context, memberBinding } = attempt;
  const message = { context, siteId, binding: memberBinding, payload: fromHex(proof.dealt) };
  if (!verify(publicKey, { ...sharesStatement(message), signature })) return false;
  const shares = proof.shares.map(({ share }) => fromHex(share));
  if (!areDealt(proof, shares, attempt)) return false;
  const secret = await joinedSecret(shares);
  const isRight = secret !== undefined && isAdvertised(secret, kind, advertisement);
  if (secret) wipe(secret);
  return !isRight;
}

/** As many as make a secret, of different holders, each the one that the site has committed to. */
function areDealt(
  { siteId, kind, dealt, shares }: BadSecret,
  bytes: readonly Uint8Array[],
  { topology, memberBinding }: SpoiltAttempt,
): boolean {
  const peers = topology.peersOf(siteId);
  const decoded = decodeDealt(fromHex(dealt), peers.length);
  const holders = shares.map(({ holder }) => holder);
  if (!decoded || holders.length !== topology.shareThreshold) return false;
  if (new Set(holders).size !== holders.length) return false;
  return holders.every((holder, i) => {
    const own = holder === siteId ? decoded.own : decoded.entries[peers.indexOf(holder)]?.commitments;
    const place = { binding: memberBinding, dealer: siteId, holder, kind };
    return own !== undefined && Buffer.compare(commitToShare(bytes[i] ?? NONE, place), own[kind]) === 0;
  });
}

const NONE = new Uint8Array(0);
