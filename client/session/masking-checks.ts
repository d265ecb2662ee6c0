/**
 * What a site looks at before it takes a step of a masked round: the checks of Bonawitz et al. 2017, Figure 4 and §6
 * (active adversaries), from the site's side. Each says why not, or nothing. Who is honest does not matter here: the
 * coordinator may have written all of it.
 */
import type { SiteId } from '../../shared/ids.ts';
import type { Advertisement, MaskingKeys } from '../../shared/protocol/masking-messages.ts';
import type { RoundContext } from '../../shared/protocol/messages.ts';
import type { RefusalReason } from '../../shared/protocol/reasons.ts';
import type { Roster } from '../../shared/protocol/roster.ts';
import { advertiseStatement } from '../../shared/protocol/signatures.ts';
import { cohortRefusal } from '../../shared/secagg/threshold.ts';
import type { SignedStatement } from '../../shared/crypto/statement.ts';
import type { MaskingOffer } from './events.ts';
import type { Base, Session, SessionMasking } from './state.ts';

/** Phase 0: whether the terms are those that the plan, the roster and this site's policy allow. */
export function offerFinding(
  session: Session,
  context: RoundContext,
  cohort: readonly SiteId[],
  offer: MaskingOffer | undefined,
): RefusalReason | undefined {
  if (!offer) return undefined;
  const { header, threshold, rosterHash } = offer;
  if (!offer.isPlanned || !header) return 'masking-mismatch';
  const { policy } = session;
  if (rosterHash === undefined || header.rosterHash !== rosterHash) return 'roster-mismatch';
  if (policy.rosterHash !== undefined && policy.rosterHash !== rosterHash) return 'roster-mismatch';
  if (!offer.isRosterComplete) return 'unknown-peer';
  const acknowledgedSmallCohort = policy.smallCohortAcknowledged === true;
  if (cohortRefusal(cohort.length, { acknowledgedSmallCohort }) !== undefined) return 'small-cohort';
  if (offer.binding === undefined) return 'ring-overflow';
  if (header.threshold !== threshold || threshold > cohort.length) return 'threshold-too-low';
  if (2 * threshold <= cohort.length || threshold < (policy.minimumThreshold ?? 2))
    return 'threshold-too-low';
  return transcriptFinding(session, context, header.previous);
}

/** The same history for all: a site that was there knows how the last published round ended. */
function transcriptFinding(
  { transcripts = [] }: Base,
  { runId, round }: RoundContext,
  previous: { readonly round: number; readonly transcript: string } | null,
): RefusalReason | undefined {
  if (previous && previous.round >= round) return 'transcript-mismatch';
  const known = transcripts.find((entry) => entry.runId === runId);
  if (!known || (previous && previous.round > known.round)) return undefined;
  return previous?.round === known.round && previous.transcript === known.transcript
    ? undefined
    : 'transcript-mismatch';
}

export interface PeersView {
  readonly siteId: SiteId;
  readonly context: RoundContext;
  readonly masking: SessionMasking;
  readonly minimumCohort: number;
  readonly roster: Roster;
  /** As this site has advertised them. */
  readonly ownKeys: MaskingKeys;
  /** Default: `verifyStatement`. */
  readonly verify: (publicKey: Uint8Array, statement: SignedStatement) => boolean;
}

/** Phase 1: the list of advertisements. Low-order keys show when keys are agreed upon. */
export function peersFinding(
  { siteId, context, masking, minimumCohort, roster, ownKeys, verify }: PeersView,
  advertisements: readonly Advertisement[],
): RefusalReason | undefined {
  const { header, cohort, binding } = masking;
  const ids = advertisements.map((entry) => entry.siteId);
  if (!isAscending(ids) || !ids.every((id) => cohort.includes(id) && roster.has(id))) return 'unknown-peer';
  if (ids.length < Math.max(header.threshold, minimumCohort)) return 'too-few-peers';
  const own = advertisements.find((entry) => entry.siteId === siteId);
  const isOwn = own?.channelKey === ownKeys.channelKey && own.maskKey === ownKeys.maskKey;
  if (!isOwn || own.commitment !== ownKeys.commitment) return 'own-entry-changed';
  const keys = advertisements.flatMap(({ channelKey, maskKey }) => [channelKey, maskKey]);
  if (new Set(keys).size !== keys.length) return 'repeated-key';
  const isSigned = advertisements.every(({ siteId: peer, signature, channelKey, maskKey, commitment }) => {
    const publicKey = roster.get(peer);
    const keysOfPeer = { binding, channelKey, maskKey, commitment };
    const statement = advertiseStatement({ context, siteId: peer, masking: keysOfPeer });
    return publicKey !== undefined && verify(publicKey, { ...statement, signature });
  });
  return isSigned ? undefined : 'bad-peer-signature';
}

/** Phase 2: whose masks are in use. */
export function sharersFinding(
  { siteId, policy }: Base,
  masking: SessionMasking,
  members: readonly SiteId[],
): RefusalReason | undefined {
  const known = new Set(masking.peers?.advertisements.map((entry) => entry.siteId));
  if (!isAscending(members) || !members.every((id) => known.has(id))) return 'sites-changed';
  if (!members.includes(siteId)) return 'sites-changed';
  return members.length < Math.max(masking.header.threshold, policy.minimumCohort)
    ? 'too-few-peers'
    : undefined;
}

/** Phase 3: U3 ⊆ U2, this site among them, and enough. */
export function survivorsFinding(
  { siteId, policy }: Base,
  { header, sharers = [], cohort }: SessionMasking,
  survivors: readonly SiteId[],
): RefusalReason | undefined {
  // The sums of two sets that differ by an honest site would give it away.
  if (header.repair && survivors.length !== cohort.length) return 'sites-changed';
  if (!isAscending(survivors) || !survivors.every((id) => sharers.includes(id))) return 'sites-changed';
  if (!survivors.includes(siteId)) return 'not-a-survivor';
  return survivors.length < Math.max(header.threshold, policy.minimumCohort) ? 'too-few-peers' : undefined;
}

/** Sorted, and each once. */
function isAscending(ids: readonly SiteId[]): boolean {
  return ids.every((id, i) => {
    const before = ids[i - 1];
    return before === undefined || before < id;
  });
}

export const isSameList = (a: readonly SiteId[], b: readonly SiteId[]): boolean =>
  a.length === b.length && a.every((id, i) => id === b[i]);
