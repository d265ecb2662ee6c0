/**
 * Takes the masks off the sum (Bonawitz et al. 2017, Figure 4, round 4, the server's side): from the shares that the sites
 * have revealed it makes the secrets of the survivors' own masks, and the mask keys of those who dropped. A share that
 * is not the one its dealer committed to is left out and its sender named; a secret that is not the one its site
 * advertised names that site. What is left of wrong masks is noise, which `decodeRingSum` tells from a sum of updates.
 */
import { agreementOf } from '../../shared/crypto/agreement.ts';
import { fromHex, toHex, wipe } from '../../shared/crypto/bytes.ts';
import { sha512, sha512Hex } from '../../shared/crypto/hash.ts';
import type { SiteId } from '../../shared/ids.ts';
import {
  isAdvertised,
  joinedSecret,
  revealedKind,
  type BadSecret,
} from '../../shared/protocol/bad-secret.ts';
import { countsLayout, decodeCountsSum } from '../../shared/protocol/class-counts.ts';
import { vectorLengthOf } from '../../shared/protocol/initial-model.ts';
import { layoutOf } from '../../shared/protocol/masking-context.ts';
import type { Advertisement } from '../../shared/protocol/masking-messages.ts';
import type { RoundContext } from '../../shared/protocol/messages.ts';
import type { Plan } from '../../shared/protocol/plan.ts';
import { decodeRingSum, type RingFigures } from '../../shared/protocol/ring-update.ts';
import { commitToShare, dealtEntry, dealtOwn, decodeRevealed } from '../../shared/protocol/share-payload.ts';
import { transcriptHash } from '../../shared/secagg/context.ts';
import {
  maskSign,
  pairMaskSeed,
  selfMask,
  unmaskingSeeds,
  type SignedSeed,
} from '../../shared/secagg/masks.ts';
import { addInto, ringBitsOf, ringToBytes, type RingVector } from '../../shared/secagg/ring.ts';
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
  const { shareThreshold } = topologyOfMasking(masking);
  const selves: Uint8Array[] = [];
  const pairs: SignedSeed[] = [];
  let isWhole = true;
  for (const siteId of masking.members) {
    const advertisement = advertised.get(siteId);
    const revealed = shares.get(siteId) ?? [];
    if (!advertisement || revealed.length < shareThreshold) {
      isWhole = false;
      continue;
    }
    const used = revealed.slice(0, shareThreshold);
    const secret = await joinedSecret(used.map(({ share }) => share));
    const kind = revealedKind(masking, siteId);
    const isRight = secret !== undefined && isAdvertised(secret, kind, advertisement);
    if (!isRight)
      culprits.push({ siteId, reason: 'bad-secret', proof: proofOf(masking, { siteId, kind }, used) });
    if (secret && kind === 'own-mask') selves.push(selfMask(secret));
    else if (secret && isRight) pairs.push(...pairSeeds(masking, siteId, secret, advertised));
    else isWhole = false;
    if (secret) wipe(secret);
  }
  if (!isWhole) {
    wipe(...selves, ...pairs.map(({ seed }) => seed));
    return { ok: false, culprits };
  }
  const seeds = unmaskingSeeds({ selves, pairs });
  addInto(sum, await pool.sum(seeds, ringBitsOf(sum), sum.length));
  wipe(...selves, ...seeds.map(({ seed }) => seed));
  return { ok: true, culprits };
}

/** A share that fits its dealer's commitment. */
interface RevealedShare {
  readonly holder: SiteId;
  readonly share: Uint8Array;
}

function proofOf(
  { dealt, dealtSignatures }: MaskingState,
  about: Pick<BadSecret, 'siteId' | 'kind'>,
  shares: readonly RevealedShare[],
): BadSecret {
  return {
    ...about,
    dealt: toHex(dealt[about.siteId] ?? new Uint8Array()),
    signature: dealtSignatures[about.siteId] ?? '',
    shares: shares.map(({ holder, share }) => ({ holder, share: toHex(share) })),
  };
}

interface Collected {
  /** By dealer, the right ones. */
  readonly shares: ReadonlyMap<SiteId, RevealedShare[]>;
  readonly culprits: Culprit[];
}

function collectShares(masking: MaskingState): Collected {
  const topology = topologyOfMasking(masking);
  const shares = new Map<SiteId, RevealedShare[]>();
  const culprits: Culprit[] = [];
  for (const holder of masking.members) {
    const bytes = masking.revealed[holder];
    if (!bytes) continue;
    const dealers = dealersOf(masking, holder);
    const revealed = decodeRevealed(bytes, dealers.length) ?? [];
    const kept = dealers.map((dealer, i): boolean => {
      const share = revealed[i];
      if (!share) return true;
      const kind = revealedKind(masking, dealer);
      const peers = topology.peersOf(dealer);
      const dealt = masking.dealt[dealer] ?? new Uint8Array();
      const commitments =
        dealer === holder
          ? dealtOwn(dealt, peers.length)
          : dealtEntry(dealt, peers.length, peers.indexOf(holder))?.commitments;
      const commitment = commitments?.[kind];
      const place = { binding: masking.memberBinding, dealer, holder, kind };
      if (!commitment || !isEqual(commitToShare(share, place), commitment)) return false;
      const known = shares.get(dealer);
      if (known) known.push({ holder, share });
      else shares.set(dealer, [{ holder, share }]);
      return true;
    });
    if (kept.includes(false)) culprits.push({ siteId: holder, reason: 'bad-share' });
  }
  return { shares, culprits };
}

const isEqual = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

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
  const layout = layoutOf(plan, cohortSize, context.round);
  const { ring } = plan.protection;
  if (!layout || !ring) return undefined;
  const { exampleCap } = ring;
  const parameterCount = vectorLengthOf(plan, context.round);
  return decodeRingSum(sum, { layout, exampleCap, parameterCount, context, survivorCount: survivors.length });
}

/** The same of the round of counts. */
export function readCounts(
  sum: RingVector,
  { plan, survivors, cohortSize }: RingRound,
): readonly number[] | undefined {
  return decodeCountsSum(sum, countsLayout(plan.task.classNames.length, cohortSize), survivors.length);
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
