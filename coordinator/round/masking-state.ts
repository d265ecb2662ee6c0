/**
 * What a round of secure aggregation holds at the coordinator: nothing secret, so that all of it may be journalled. The
 * names of the sets are Bonawitz et al. 2017, Figure 4: U1 have advertised, U2 have shared, U3 are in the sum.
 */
import type { SiteId } from '../../shared/ids.ts';
import type { Repair } from '../../shared/protocol/bad-secret.ts';
import type {
  Advertisement,
  MaskingHeader,
  MaskingKeys,
  PeerSignature,
} from '../../shared/protocol/masking-messages.ts';
import {
  bindingOfMembers,
  bindingOfTerms,
  thresholdFor,
  type RingPlan,
} from '../../shared/protocol/masking-context.ts';
import type { RoundContext } from '../../shared/protocol/messages.ts';
import { dealtEntry, encodeRelayed } from '../../shared/protocol/share-payload.ts';
import { fromHex, toHex } from '../../shared/crypto/bytes.ts';
import { advertisementsHash } from '../../shared/secagg/context.ts';
import { topologyOf, type Topology } from '../../shared/secagg/topology.ts';

/** What stays the same for a whole run, but for the transcript of the round before. */
export interface MaskingRules {
  readonly plan: RingPlan;
  readonly rosterHash: string;
  /** Hexadecimal. */
  readonly coordinatorKey: string;
  readonly previous: MaskingHeader['previous'];
  /** Of the federation, once they are known, where the plan needs them. */
  readonly classCounts?: readonly number[];
  /** The round is repeated although masks have come off. */
  readonly repair?: Repair | undefined;
}

export interface MaskingState {
  readonly header: MaskingHeader;
  /** `bindingOfTerms` */
  readonly binding: string;
  /** By arrival; sorted from the end of advertising on, when they are U1. */
  readonly advertisements: readonly Advertisement[];
  /** H(U1), hexadecimal; empty before. */
  readonly advertisementsHash: string;
  /** `bindingOfMembers`; empty before U1 is known. */
  readonly memberBinding: string;
  /** What each site has dealt, as it came (`share-payload.ts`). */
  readonly dealt: Readonly<Record<string, Uint8Array>>;
  /** Of each site, under what it has dealt. */
  readonly dealtSignatures: Readonly<Record<string, string>>;
  /** U2, sorted; empty before. */
  readonly members: readonly SiteId[];
  /** Sites whose update is in the sum and whose connection is lost: they are not waited for. */
  readonly away: readonly SiteId[];
  /** U3, sorted; empty before. */
  readonly survivors: readonly SiteId[];
  readonly signatures: readonly PeerSignature[];
  /** What each site has revealed. */
  readonly revealed: Readonly<Record<string, Uint8Array>>;
}

/** @throws InputError where the plan's ring has no room for the cohort */
export function beginMasking(
  { plan, rosterHash, coordinatorKey, previous, classCounts, repair }: MaskingRules,
  context: RoundContext,
  cohort: readonly SiteId[],
): MaskingState {
  const threshold = thresholdFor(plan.protection, cohort.length) ?? cohort.length;
  const header: MaskingHeader = { rosterHash, threshold, previous, ...(repair && { repair }) };
  const terms = { plan, context, cohort, header, coordinatorKey: fromHex(coordinatorKey), classCounts };
  return {
    header,
    binding: bindingOfTerms(terms),
    ...{ advertisements: [], advertisementsHash: '', memberBinding: '', dealt: {}, dealtSignatures: {} },
    ...{ members: [], away: [], survivors: [], signatures: [], revealed: {} },
  };
}

export function withAdvertisement(
  masking: MaskingState,
  siteId: SiteId,
  { channelKey, maskKey, commitment }: MaskingKeys,
  signature: string,
): MaskingState {
  const advertisement: Advertisement = { siteId, channelKey, maskKey, commitment, signature };
  return { ...masking, advertisements: [...masking.advertisements, advertisement] };
}

/** U1 stands. */
export function closeAdvertising(masking: MaskingState, cohort: readonly SiteId[]): MaskingState {
  const advertisements = masking.advertisements
    .filter(({ siteId }) => cohort.includes(siteId))
    .sort((a, b) => (a.siteId < b.siteId ? -1 : 1));
  const hash = advertisementsHash(advertisements);
  return {
    ...masking,
    advertisements,
    advertisementsHash: toHex(hash),
    memberBinding: bindingOfMembers(masking.binding, hash),
  };
}

/** A graph takes a while to compute, and every message of a phase needs it. */
const topologies = new WeakMap<readonly Advertisement[], Topology>();

export function topologyOfMasking({ advertisements, header, ...masking }: MaskingState): Topology {
  const known = topologies.get(advertisements);
  if (known) return known;
  const topology = topologyOf({
    sites: advertisements.map(({ siteId }) => siteId),
    threshold: header.threshold,
    advertisements: fromHex(masking.advertisementsHash),
  });
  topologies.set(advertisements, topology);
  return topology;
}

/** What the members have dealt to a site, in the order of their ids. */
export function relayedTo(masking: MaskingState, siteId: SiteId): Uint8Array {
  const topology = topologyOfMasking(masking);
  const dealers = topology.peersOf(siteId).filter((peer) => masking.members.includes(peer));
  const entries = dealers.flatMap((dealer) => {
    const peers = topology.peersOf(dealer);
    const dealt = masking.dealt[dealer] ?? new Uint8Array();
    const entry = dealtEntry(dealt, peers.length, peers.indexOf(siteId));
    return entry ? [entry] : [];
  });
  return encodeRelayed(entries);
}
