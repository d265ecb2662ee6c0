/**
 * Takes the masks off the sum (Bonawitz et al. 2017, Figure 4, round 4, the server's side): from the shares that the sites
 * have revealed it makes the secrets of the survivors' own masks, and the mask keys of those who dropped. A share that
 * is not the one its dealer committed to is left out and its sender named; a secret that is not the one its site
 * advertised names that site. What is left of wrong masks is noise, which `decodeRingSum` tells from a sum of updates.
 */
import { agreementOf, agreementPublicKey } from '../../shared/crypto/agreement.ts';
import { fromHex, toHex, wipe } from '../../shared/crypto/bytes.ts';
import { CryptoError } from '../../shared/crypto/crypto-error.ts';
import { sha512, sha512Hex } from '../../shared/crypto/hash.ts';
import type { SiteId } from '../../shared/ids.ts';
import { layoutOf } from '../../shared/protocol/masking-context.ts';
import type { Advertisement } from '../../shared/protocol/masking-messages.ts';
import type { RoundContext } from '../../shared/protocol/messages.ts';
import type { Plan } from '../../shared/protocol/plan.ts';
import { decodeRingSum, type RingFigures } from '../../shared/protocol/ring-update.ts';
import {
  commitToShare,
  decodeDealt,
  decodeRevealed,
  type ShareKind,
} from '../../shared/protocol/share-payload.ts';
import { transcriptHash } from '../../shared/secagg/context.ts';
import {
  maskSign,
  pairMaskSeed,
  selfMask,
  unmaskingSeeds,
  type SignedSeed,
} from '../../shared/secagg/masks.ts';
import { addInto, ringBitsOf, ringToBytes, type RingVector } from '../../shared/secagg/ring.ts';
import { selfMaskCommitment } from '../../shared/secagg/share-keys.ts';
import { joinShares } from '../../shared/secagg/shares.ts';
import type { MaskPool } from '../../shared/secagg/parallel-masks.ts';
import type { Culprit } from './events.ts';
import { dealersOf } from './masking-step.ts';
import { topologyOfMasking, type MaskingState } from './masking-state.ts';
import type { Unmasked } from './state.ts';

export interface Removal {
  /** False: too few right shares, or a mask key that is not its site's. The sum is still masked. */
  readonly ok: boolean;
  readonly culprits: readonly Culprit[];
}

/** Takes the masks off `sum`, in place. */
export async function unmask(sum: RingVector, masking: MaskingState, pool: MaskPool): Promise<Removal> {
  const { shares, culprits } = collectShares(masking);
  const advertised = new Map(masking.advertisements.map((entry) => [entry.siteId, entry]));
  const selves: Uint8Array[] = [];
  const pairs: SignedSeed[] = [];
  for (const siteId of masking.members) {
    const advertisement = advertised.get(siteId);
    const secret = await secretOf(masking, shares.get(siteId) ?? []);
    if (!advertisement || !secret) return { ok: false, culprits };
    const isSurvivor = masking.survivors.includes(siteId);
    const isRight = isSurvivor ? isSelfMask(secret, advertisement) : isMaskKey(secret, advertisement);
    if (!isRight) culprits.push({ siteId, reason: 'bad-secret' });
    if (isSurvivor) selves.push(selfMask(secret));
    else if (isRight) pairs.push(...pairSeeds(masking, siteId, secret, advertised));
    wipe(secret);
    if (!isRight && !isSurvivor) return { ok: false, culprits };
  }
  const seeds = unmaskingSeeds({ selves, pairs });
  addInto(sum, await pool.sum(seeds, ringBitsOf(sum), sum.length));
  wipe(...selves, ...seeds.map(({ seed }) => seed));
  return { ok: true, culprits };
}

interface Collected {
  /** By dealer, the right ones. */
  readonly shares: ReadonlyMap<SiteId, Uint8Array[]>;
  readonly culprits: Culprit[];
}

function collectShares(masking: MaskingState): Collected {
  const topology = topologyOfMasking(masking);
  const shares = new Map<SiteId, Uint8Array[]>();
  const culprits: Culprit[] = [];
  for (const holder of masking.members) {
    const bytes = masking.revealed[holder];
    if (!bytes) continue;
    const dealers = dealersOf(masking, holder);
    const revealed = decodeRevealed(bytes, dealers.length) ?? [];
    const kept = dealers.map((dealer, i): boolean => {
      const share = revealed[i];
      if (!share) return true;
      const kind: ShareKind = masking.survivors.includes(dealer) ? 'own-mask' : 'mask-key';
      const peers = topology.peersOf(dealer);
      const dealt = decodeDealt(masking.dealt[dealer] ?? new Uint8Array(), peers.length);
      const entry = dealt?.entries[peers.indexOf(holder)]?.commitments;
      const commitment = (dealer === holder ? dealt?.own : entry)?.[kind];
      const place = { binding: masking.memberBinding, dealer, holder, kind };
      if (!commitment || !isEqual(commitToShare(share, place), commitment)) return false;
      const known = shares.get(dealer);
      if (known) known.push(share);
      else shares.set(dealer, [share]);
      return true;
    });
    if (kept.includes(false)) culprits.push({ siteId: holder, reason: 'bad-share' });
  }
  return { shares, culprits };
}

const isEqual = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

/** Undefined when there are too few shares, or they cannot be of one secret. */
async function secretOf(
  masking: MaskingState,
  shares: readonly Uint8Array[],
): Promise<Uint8Array | undefined> {
  const { shareThreshold } = topologyOfMasking(masking);
  if (shares.length < shareThreshold) return undefined;
  try {
    return await joinShares(shares.slice(0, shareThreshold));
  } catch (error) {
    if (error instanceof CryptoError) return undefined;
    throw error;
  }
}

const isSelfMask = (secret: Uint8Array, { siteId, commitment }: Advertisement): boolean =>
  toHex(selfMaskCommitment(secret, siteId)) === commitment;

const isMaskKey = (secret: Uint8Array, { maskKey }: Advertisement): boolean =>
  toHex(agreementPublicKey(secret)) === maskKey;

/** The masks that the survivors have with a site that dropped. */
function pairSeeds(
  masking: MaskingState,
  dropped: SiteId,
  secretKey: Uint8Array,
  advertised: ReadonlyMap<SiteId, Advertisement>,
): SignedSeed[] {
  const peers = new Set(topologyOfMasking(masking).peersOf(dropped));
  const context = fromHex(masking.binding);
  const advertisements = fromHex(masking.advertisementsHash);
  const agree = agreementOf(secretKey);
  return masking.survivors.flatMap((survivor) => {
    const advertisement = peers.has(survivor) ? advertised.get(survivor) : undefined;
    if (!advertisement) return [];
    const shared = agree(fromHex(advertisement.maskKey));
    const seed = pairMaskSeed(shared, context, advertisements);
    wipe(shared);
    return [{ seed, sign: maskSign(survivor, dropped) }];
  });
}

interface RingRound {
  readonly plan: Plan;
  readonly context: RoundContext;
  readonly survivors: readonly SiteId[];
  readonly cohortSize: number;
}

/** Undefined when the sum cannot be one of honest updates. */
export function readRing(
  sum: RingVector,
  { plan, context, survivors, cohortSize }: RingRound,
): RingFigures | undefined {
  const layout = layoutOf(plan, cohortSize);
  const { ring } = plan.protection;
  if (!layout || !ring) return undefined;
  const { exampleCap } = ring;
  const { parameterCount } = plan;
  return decodeRingSum(sum, { layout, exampleCap, parameterCount, context, survivorCount: survivors.length });
}

/** What the next round builds on. `sum`: unmasked. */
export function transcriptOf(masking: MaskingState, sum: RingVector): Unmasked {
  const bytes = ringToBytes(sum);
  const transcript = transcriptHash({
    context: fromHex(masking.binding),
    advertisements: fromHex(masking.advertisementsHash),
    sharers: masking.members,
    survivors: masking.survivors,
    sumDigest: sha512(bytes),
  });
  return { sumDigest: sha512Hex(bytes), transcript: toHex(transcript) };
}
