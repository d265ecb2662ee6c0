/**
 * The secrets of a site in one attempt of a masked round, and what it does with them (Bonawitz et al. 2017, Figure 4, the
 * user's side): it deals shares of its two secrets, opens the shares of others, masks its update, and in the end
 * reveals of every other site one share of one secret.
 *
 * `RoundSecrets` is all that must outlive the process for the round to go on; its owner keeps it where nobody else reads.
 */
import { agreementOf, agreementPublicKey } from '../../shared/crypto/agreement.ts';
import { concatBytes, fromHex, toHex, wipe } from '../../shared/crypto/bytes.ts';
import { CryptoError } from '../../shared/crypto/crypto-error.ts';
import { secureRandom } from '../../shared/crypto/random.ts';
import { openSecretBox, SECRET_BOX_NONCE_BYTES, sealSecretBox } from '../../shared/crypto/secret-box.ts';
import { InvariantError } from '../../shared/errors.ts';
import type { SiteId } from '../../shared/ids.ts';
import type { MaskingKeys } from '../../shared/protocol/masking-messages.ts';
import type { RoundContext } from '../../shared/protocol/messages.ts';
import {
  commitToShare,
  decodeRelayed,
  decodeSharePair,
  encodeDealt,
  encodeRevealed,
  encodeSharePair,
  type ShareEntry,
  type SharePair,
} from '../../shared/protocol/share-payload.ts';
import { applyMasks, maskSign, pairMaskSeed, selfMask, wipeSeeds } from '../../shared/secagg/masks.ts';
import type { RingVector } from '../../shared/secagg/ring.ts';
import { selfMaskCommitment, shareBoxKey } from '../../shared/secagg/share-keys.ts';
import { splitSecret } from '../../shared/secagg/shares.ts';
import { topologyOf, type Topology } from '../../shared/secagg/topology.ts';
import type { KnownPeers, SessionMasking } from './state.ts';

export interface RoundSecrets {
  readonly context: RoundContext;
  /** X25519 secret keys of the two advertised keys, 32 bytes each. */
  readonly channelKey: Uint8Array;
  readonly maskKey: Uint8Array;
  /** b: of the site's own mask, 32 bytes. */
  readonly ownMask: Uint8Array;
  /** What was dealt, as it was sent: dealing again would give other shares. */
  readonly dealt?: Uint8Array;
  /** The shares of its own secrets that the site kept. */
  readonly ownShares?: SharePair;
  /** Of each dealer, the shares that fit its commitments. */
  readonly held?: Readonly<Record<string, SharePair>>;
}

/** What is known of the round by then, as in the session's state. */
export interface RoundPeers {
  readonly siteId: SiteId;
  readonly masking: SessionMasking;
  readonly peers: KnownPeers;
  readonly topology: Topology;
}

/** Secrets from the operating system's generator. */
export function newSecrets(context: RoundContext): RoundSecrets {
  const [channelKey, maskKey, ownMask] = [secureRandom(32), secureRandom(32), secureRandom(32)];
  return { context, channelKey, maskKey, ownMask };
}

/** What is said of them. */
export function advertisedKeys(
  { channelKey, maskKey, ownMask }: RoundSecrets,
  siteId: SiteId,
  binding: string,
): MaskingKeys {
  return {
    binding,
    channelKey: toHex(agreementPublicKey(channelKey)),
    maskKey: toHex(agreementPublicKey(maskKey)),
    commitment: toHex(selfMaskCommitment(ownMask, siteId)),
  };
}

export function roundPeers(siteId: SiteId, masking: SessionMasking): RoundPeers {
  const { peers, header } = masking;
  if (!peers) throw new InvariantError('nobody has peers before they are listed');
  const topology = topologyOf({
    sites: peers.advertisements.map((entry) => entry.siteId),
    threshold: header.threshold,
    advertisements: fromHex(peers.advertisementsHash),
  });
  return { siteId, masking, peers, topology };
}

/** What a site has agreed upon with each of its peers; wiped by its owner. */
export type Agreements = ReadonlyMap<SiteId, { readonly channel: Uint8Array; readonly mask: Uint8Array }>;

/** Undefined when a peer's key is of low order. */
export function agreeWithPeers(
  secrets: RoundSecrets,
  { siteId, peers, topology }: RoundPeers,
): Agreements | undefined {
  const mine = new Set(topology.peersOf(siteId));
  const agreements = new Map<SiteId, { channel: Uint8Array; mask: Uint8Array }>();
  try {
    const [agreeChannel, agreeMask] = [agreementOf(secrets.channelKey), agreementOf(secrets.maskKey)];
    for (const { siteId: peer, channelKey, maskKey } of peers.advertisements) {
      if (!mine.has(peer)) continue;
      const channel = agreeChannel(fromHex(channelKey));
      agreements.set(peer, { channel, mask: agreeMask(fromHex(maskKey)) });
    }
    return agreements;
  } catch (error) {
    if (error instanceof CryptoError) return undefined;
    throw error;
  }
}

const agreementWith = (agreements: Agreements, peer: SiteId) => {
  const found = agreements.get(peer);
  if (!found) throw new InvariantError(`there is no agreement with ${peer}`);
  return found;
};

/** The secrets with what was dealt. */
export async function deal(
  secrets: RoundSecrets,
  round: RoundPeers,
  agreements: Agreements,
): Promise<RoundSecrets & { readonly dealt: Uint8Array }> {
  const { siteId, topology, peers } = round;
  const holders = topology.peersOf(siteId);
  const count = holders.length + 1;
  const maskKey = await splitSecret(secrets.maskKey, count, topology.shareThreshold);
  const ownMask = await splitSecret(secrets.ownMask, count, topology.shareThreshold);
  const pairAt = (i: number): SharePair => {
    const [a, b] = [maskKey[i], ownMask[i]];
    if (!a || !b) throw new InvariantError('there are as many shares as holders');
    return { 'mask-key': a, 'own-mask': b };
  };
  const commit = (holder: SiteId, pair: SharePair): SharePair => {
    const place = { binding: peers.memberBinding, dealer: siteId, holder } as const;
    return {
      'mask-key': commitToShare(pair['mask-key'], { ...place, kind: 'mask-key' }),
      'own-mask': commitToShare(pair['own-mask'], { ...place, kind: 'own-mask' }),
    };
  };
  const entries = holders.map((holder, i): ShareEntry => {
    const pair = pairAt(i);
    const key = boxKeyBetween(round, agreements, { source: siteId, destination: holder });
    const nonce = secureRandom(SECRET_BOX_NONCE_BYTES);
    const plaintext = encodeSharePair(pair);
    const box = concatBytes(nonce, sealSecretBox(key, nonce, plaintext));
    const commitments = commit(holder, pair);
    wipe(key, plaintext, pair['mask-key'], pair['own-mask']);
    return { box, commitments };
  });
  const ownShares = pairAt(holders.length);
  return { ...secrets, ownShares, dealt: encodeDealt({ entries, own: commit(siteId, ownShares) }) };
}

function boxKeyBetween(
  { siteId, masking, peers }: RoundPeers,
  agreements: Agreements,
  route: { readonly source: SiteId; readonly destination: SiteId },
): Uint8Array {
  const peer = route.source === siteId ? route.destination : route.source;
  return shareBoxKey(agreementWith(agreements, peer).channel, {
    context: fromHex(masking.binding),
    advertisements: fromHex(peers.advertisementsHash),
    ...route,
  });
}

/** Whose shares a site is relayed: those of its peers that are members. */
export function dealersFor(
  { siteId, topology }: Pick<RoundPeers, 'siteId' | 'topology'>,
  members: readonly SiteId[],
): readonly SiteId[] {
  const known = new Set(members);
  return topology.peersOf(siteId).filter((peer) => known.has(peer));
}

/**
 * The secrets with the shares of the members. A box that does not open, or holds another share than its dealer committed
 * to, is worth nothing and left out: enough others have theirs.
 */
export function keepRelayed(
  secrets: RoundSecrets,
  round: RoundPeers,
  agreements: Agreements,
  relayed: { readonly members: readonly SiteId[]; readonly payload: Uint8Array },
): RoundSecrets {
  const dealers = dealersFor(round, relayed.members);
  const entries = decodeRelayed(relayed.payload, dealers.length) ?? [];
  const held: Record<string, SharePair> = {};
  dealers.forEach((dealer, i) => {
    const entry = entries[i];
    const pair = entry && openEntry(entry, round, agreements, dealer);
    if (pair) held[dealer] = pair;
  });
  return { ...secrets, held };
}

function openEntry(
  { box, commitments }: ShareEntry,
  round: RoundPeers,
  agreements: Agreements,
  dealer: SiteId,
): SharePair | undefined {
  const { siteId, peers } = round;
  const key = boxKeyBetween(round, agreements, { source: dealer, destination: siteId });
  const nonce = box.subarray(0, SECRET_BOX_NONCE_BYTES);
  const plaintext = openSecretBox(key, nonce, box.subarray(SECRET_BOX_NONCE_BYTES));
  wipe(key);
  const pair = plaintext && decodeSharePair(plaintext);
  if (!pair) return undefined;
  const place = { binding: peers.memberBinding, dealer, holder: siteId } as const;
  const fits = (['mask-key', 'own-mask'] as const).every(
    (kind) => Buffer.compare(commitToShare(pair[kind], { ...place, kind }), commitments[kind]) === 0,
  );
  return fits ? pair : undefined;
}

/** Masks a site's vector, in place. */
export function maskVector(
  vector: RingVector,
  secrets: RoundSecrets,
  { siteId, masking, peers, topology }: RoundPeers,
  agreements: Agreements,
): void {
  const context = fromHex(masking.binding);
  const advertisements = fromHex(peers.advertisementsHash);
  const pairs = dealersFor({ siteId, topology }, masking.sharers ?? []).map((peer) => ({
    seed: pairMaskSeed(agreementWith(agreements, peer).mask, context, advertisements),
    sign: maskSign(siteId, peer),
  }));
  const self = selfMask(secrets.ownMask);
  applyMasks(vector, { self, peers: pairs });
  wipeSeeds(pairs);
  wipe(self);
}

/** The shares that take the masks off: of survivors that of their own mask, of the others that of their mask key. */
export function reveal(secrets: RoundSecrets, { siteId, masking, topology }: RoundPeers): Uint8Array {
  const { sharers = [], survivors = [] } = masking;
  const alive = new Set(survivors);
  const dealers = [...dealersFor({ siteId, topology }, sharers), siteId].sort();
  const shares = dealers.map((dealer) => {
    const pair = dealer === siteId ? secrets.ownShares : secrets.held?.[dealer];
    return pair?.[alive.has(dealer) ? 'own-mask' : 'mask-key'];
  });
  return encodeRevealed(shares);
}

export function wipeSecrets({ channelKey, maskKey, ownMask, ownShares, held = {} }: RoundSecrets): void {
  wipe(channelKey, maskKey, ownMask);
  for (const pair of [...(ownShares ? [ownShares] : []), ...Object.values(held)])
    wipe(pair['mask-key'], pair['own-mask']);
}

export function wipeAgreements(agreements: Agreements): void {
  for (const { channel, mask } of agreements.values()) wipe(channel, mask);
}
