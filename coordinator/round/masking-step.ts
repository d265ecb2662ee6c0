/**
 * What secure aggregation adds to the steps of a round: which answers belong to it, what they leave in its state, and
 * what it means that a site goes (Bonawitz et al. 2017, Figure 4, the server's side). Pure, as all of the round.
 */
import type { SiteId } from '../../shared/ids.ts';
import type { BadSecret } from '../../shared/protocol/bad-secret.ts';
import { MAX_HEADER_CHARS } from '../../shared/protocol/codec.ts';
import type { MaskingKeys } from '../../shared/protocol/masking-messages.ts';
import type { DropReason } from '../../shared/protocol/reasons.ts';
import { hashSites } from '../../shared/protocol/masking-context.ts';
import { dealtBytes, decodeRevealed } from '../../shared/protocol/share-payload.ts';
import type { Answer, Culprit, Effect, Transition } from './events.ts';
import { topologyOfMasking, withAdvertisement, type MaskingState } from './masking-state.ts';
import type { Aggregating, Drop, PlannedRepair, Round, Waiting } from './state.ts';
import { stay, without } from './transitions.ts';

/** Whether an answer is bound to this very round: its cohort, its terms and, once they are known, its advertisements. */
export function isBound(round: Round, answer: Answer): boolean {
  const masking = 'masking' in round ? round.masking : undefined;
  if (!masking || answer.type === 'refuse') return true;
  if (answer.type === 'advertise') return answer.keys?.binding === masking.binding;
  return 'binding' in answer && answer.binding === masking.memberBinding;
}

/** What is wrong with an answer that comes when it is due. */
export function answerFault({ masking }: Waiting, siteId: SiteId, answer: Answer): DropReason | undefined {
  if (!masking) return undefined;
  switch (answer.type) {
    case 'shares': {
      const peers = topologyOfMasking(masking).peersOf(siteId);
      return answer.dealt.length === dealtBytes(peers.length) ? undefined : 'wrong-shape';
    }
    case 'consistent':
      return answer.survivorsHash === hashSites(masking.survivors) ? undefined : 'wrong-context';
    case 'unmasked':
      return decodeRevealed(answer.revealed, dealersOf(masking, siteId).length) ? undefined : 'wrong-shape';
    case 'advertise':
      return answer.keys && isKnownKey(masking, answer.keys) ? 'malformed' : undefined;
    case 'refuse':
    case 'update':
      return undefined;
  }
}

/** Its peers would refuse a round in which two keys are the same. */
function isKnownKey({ advertisements }: MaskingState, { channelKey, maskKey }: MaskingKeys): boolean {
  const known = new Set(advertisements.flatMap((entry) => [entry.channelKey, entry.maskKey]));
  return channelKey === maskKey || known.has(channelKey) || known.has(maskKey);
}

/** Those of whose secrets a site holds shares that may be needed, itself included, sorted. */
export function dealersOf(masking: MaskingState, siteId: SiteId): readonly SiteId[] {
  const peers = topologyOfMasking(masking).peersOf(siteId);
  return masking.members.filter((member) => member === siteId || peers.includes(member));
}

export function maskingAfter(masking: MaskingState, siteId: SiteId, answer: Answer): MaskingState {
  switch (answer.type) {
    case 'advertise':
      return answer.keys && answer.signature !== undefined
        ? withAdvertisement(masking, siteId, answer.keys, answer.signature)
        : masking;
    case 'shares':
      return {
        ...masking,
        dealt: { ...masking.dealt, [siteId]: answer.dealt },
        dealtSignatures: { ...masking.dealtSignatures, [siteId]: answer.signature },
      };
    case 'consistent': {
      const { signature } = answer;
      return { ...masking, signatures: [...masking.signatures, { siteId, signature }] };
    }
    case 'unmasked':
      return { ...masking, revealed: { ...masking.revealed, [siteId]: answer.revealed } };
    case 'refuse':
    case 'update':
      return masking;
  }
}

/** A site whose update is in the sum has lost its connection. */
export function wentAway(round: Waiting, siteId: SiteId): Transition {
  const { masking, phase } = round;
  if (!masking || phase !== 'training' || masking.away.includes(siteId)) return stay(round);
  return { next: { ...round, masking: { ...masking, away: [...masking.away, siteId] } }, effects: [] };
}

export function cameBack(round: Waiting, siteId: SiteId): Transition {
  const { masking, phase } = round;
  if (!masking || phase !== 'training' || !masking.away.includes(siteId)) return stay(round);
  return { next: { ...round, masking: { ...masking, away: without(masking.away, siteId) } }, effects: [] };
}

/** Says who has cheated; that it is in the sum cannot be undone. */
export function nameCulprits(
  round: Aggregating,
  culprits: readonly Culprit[],
): { readonly round: Aggregating; readonly effects: readonly Effect[] } {
  const drops = culprits.map(({ siteId, reason }): Drop => ({ siteId, phase: 'unmasking', reason }));
  return {
    round: { ...round, dropped: [...round.dropped, ...drops] },
    effects: culprits.map(({ siteId, reason }) => ({
      kind: 'emit',
      report: { kind: 'culprit', siteId, reason },
    })),
  };
}

/** Half of the longest header: cohort and plan have to stand beside it. A proof is at most about 200 000 long. */
const MAX_PROOF_CHARS = MAX_HEADER_CHARS / 2;

/** As many as an announcement has room for: whoever is left out spoils the repetition, and is proven to with the next. */
function withRoom(proofs: readonly BadSecret[]): BadSecret[] {
  let chars = 0;
  return proofs.filter((proof) => {
    const length = JSON.stringify(proof).length;
    if (chars + length > MAX_PROOF_CHARS) return false;
    chars += length;
    return true;
  });
}

/** Without those whose bad secrets can be proven; undefined when there are none. */
export function repairOf(
  { context, survivors }: Pick<Aggregating, 'context' | 'survivors'>,
  culprits: readonly Culprit[],
): PlannedRepair | undefined {
  const proofs = withRoom(culprits.flatMap(({ proof }) => (proof ? [proof] : [])));
  if (proofs.length === 0) return undefined;
  const proven = new Set(proofs.map(({ siteId }) => siteId));
  return { attempt: context.attempt, proofs, sites: survivors.filter((siteId) => !proven.has(siteId)) };
}
