/**
 * From a frame of the coordinator to an event of the session: schema, signature, hashes, and for secure aggregation what
 * `masking-checks.ts` finds. Decisions are `step.ts`'s.
 */
import { verifyStatement, type SignedStatement } from '../../shared/crypto/statement.ts';
import { sha512Hex } from '../../shared/crypto/hash.ts';
import { toHex } from '../../shared/crypto/bytes.ts';
import { InputError } from '../../shared/errors.ts';
import { modelHashSchema, type ModelHash, type SiteId } from '../../shared/ids.ts';
import { needsClassCounts } from '../../shared/protocol/class-counts.ts';
import { decodeCoordinatorMessage, type Frame } from '../../shared/protocol/codec.ts';
import {
  bindingOfMembers,
  bindingOfTerms,
  hashSites,
  thresholdFor,
} from '../../shared/protocol/masking-context.ts';
import type { MaskingKeys } from '../../shared/protocol/masking-messages.ts';
import type { CoordinatorMessage, MessageOf } from '../../shared/protocol/messages.ts';
import { hashPlan } from '../../shared/protocol/plan.ts';
import { hashRoster, type Roster } from '../../shared/protocol/roster.ts';
import {
  abortedStatement,
  ackStatement,
  announceStatement,
  consistentStatement,
  countStatement,
  publishedStatement,
  relayStatement,
  shareKeysStatement,
  survivorsStatement,
  trainStatement,
  unmaskStatement,
  type Statement,
} from '../../shared/protocol/signatures.ts';
import { decodeRelayed } from '../../shared/protocol/share-payload.ts';
import { modelBytes } from '../../shared/protocol/update-payload.ts';
import { advertisementsHash } from '../../shared/secagg/context.ts';
import type { CountsOffer, MaskingOffer, SessionEvent } from './events.ts';
import { peersFinding } from './masking-checks.ts';
import { dealersFor, roundPeers } from './round-secrets.ts';
import type { InRound, KnownPeers, Session } from './state.ts';

/** Of a model with a hundred million parameters: the largest that a site takes at all. */
const MAX_MODEL_BYTES = modelBytes(100_000_000);

/** What the site knows when a message comes. */
export interface SiteView {
  readonly coordinatorKey: Uint8Array;
  readonly session: Session;
  /** The roster that was accepted here, and its hash. */
  readonly roster?: { readonly keys: Roster; readonly hash: string };
  /** The keys that the site has advertised in this round. */
  readonly keys?: MaskingKeys;
  readonly verify: (publicKey: Uint8Array, statement: SignedStatement) => boolean;
}

/** In one process many virtual sites are given the same bytes, which nobody writes to: they are hashed once. */
const modelHashes = new WeakMap<Uint8Array, ModelHash>();

function modelHashOfBytes(payload: Uint8Array): ModelHash {
  const known = modelHashes.get(payload);
  if (known !== undefined) return known;
  const hash = modelHashSchema.parse(sha512Hex(payload));
  modelHashes.set(payload, hash);
  return hash;
}

/** Undefined for a frame that does not follow the protocol; it has no effect on the session. */
export function receive(frame: Frame): CoordinatorMessage | undefined {
  const decoded = decodeCoordinatorMessage(frame, MAX_MODEL_BYTES);
  return decoded.ok ? decoded.message : undefined;
}

export function eventOf(view: SiteView, message: CoordinatorMessage): SessionEvent {
  const { context } = message;
  switch (message.type) {
    case 'announce': {
      const { cohort } = message;
      const authentic = isAnnounced(view.coordinatorKey, message, view.verify);
      const masking = offerOf(view, message);
      const counts = countsOfferOf(message);
      const planHash = hashPlan(message.plan);
      const offers = { ...(masking && { masking }), ...(counts && { counts }) };
      return { kind: 'announced', context, cohort, planHash, authentic, ...offers };
    }
    case 'train': {
      const { cohort } = message;
      const authentic = isAuthentic(view, trainStatement(message), message.signature);
      // The digest is over the canonical bytes, which are the bytes on the wire.
      const modelHash = modelHashOfBytes(message.payload);
      return { kind: 'trainRequested', context, cohort, modelHash, authentic };
    }
    case 'count': {
      const { cohort } = message;
      const authentic = isAuthentic(view, countStatement(message), message.signature);
      return { kind: 'countRequested', context, cohort, authentic };
    }
    case 'share-keys': {
      const authentic = isAuthentic(view, shareKeysStatement(message), message.signature);
      return { kind: 'peersListed', context, authentic, ...peersOf(view, message) };
    }
    case 'relay': {
      const statement = relayStatement(message, view.session.siteId);
      const authentic = isAuthentic(view, statement, message.signature);
      const finding = isWhole(view.session, message) ? undefined : 'malformed-shares';
      return { kind: 'relayed', context, members: message.members, authentic, finding };
    }
    case 'survivors': {
      const authentic = isAuthentic(view, survivorsStatement(message), message.signature);
      return { kind: 'survivorsListed', context, survivors: message.survivors, authentic };
    }
    case 'unmask': {
      const authentic = isAuthentic(view, unmaskStatement(message), message.signature);
      return { kind: 'unmaskRequested', context, signerCount: signerCountOf(view, message), authentic };
    }
    case 'ack': {
      const authentic = isAuthentic(view, ackStatement(message, view.session.siteId), message.signature);
      return { kind: 'acknowledged', context, of: message.of, result: message.result, authentic };
    }
    case 'published': {
      const { sumDigest } = message;
      const authentic = isAuthentic(view, publishedStatement(message), message.signature);
      const digest = sumDigest !== undefined && { sumDigest };
      return { kind: 'closed', context, published: true, authentic, ...digest };
    }
    case 'aborted': {
      const authentic = isAuthentic(view, abortedStatement(message), message.signature);
      return { kind: 'closed', context, published: false, authentic };
    }
  }
}

function countsOfferOf({
  plan,
  classCounts,
}: MessageOf<CoordinatorMessage, 'announce'>): CountsOffer | undefined {
  const isPlanned = needsClassCounts(plan);
  if (!isPlanned && !classCounts) return undefined;
  const classCount = plan.task.classNames.length;
  return { isPlanned, classCount, ...(classCounts && { announced: classCounts }) };
}

/** Whether the coordinator has signed the announcement. */
export function isAnnounced(
  coordinatorKey: Uint8Array,
  message: MessageOf<CoordinatorMessage, 'announce'>,
  verify: SiteView['verify'] = verifyStatement,
): boolean {
  return isAuthentic({ coordinatorKey, verify }, announceStatement(message), message.signature);
}

function isAuthentic(
  { coordinatorKey, verify }: Pick<SiteView, 'coordinatorKey' | 'verify'>,
  { purpose, fields }: Statement,
  signature: string,
): boolean {
  return verify(coordinatorKey, { purpose, fields, signature });
}

function offerOf(
  { coordinatorKey, roster }: SiteView,
  message: MessageOf<CoordinatorMessage, 'announce'>,
): MaskingOffer | undefined {
  const { plan, context, cohort, masking: header, classCounts } = message;
  const isPlanned = plan.protection.mode === 'secure-aggregation';
  if (!isPlanned && !header) return undefined;
  const threshold = thresholdFor(plan.protection, cohort.length);
  const binding = header && bindingOrNone({ plan, context, cohort, header, coordinatorKey, classCounts });
  return {
    isPlanned,
    isRosterComplete: roster !== undefined && cohort.every((siteId) => roster.keys.has(siteId)),
    ...(header && { header }),
    ...(binding !== undefined && { binding }),
    ...(threshold !== undefined && { threshold }),
    ...(roster && { rosterHash: roster.hash }),
  };
}

function bindingOrNone(terms: Parameters<typeof bindingOfTerms>[0]): string | undefined {
  if (!terms.plan.protection.ring) return undefined;
  try {
    return bindingOfTerms(terms);
  } catch (error) {
    if (error instanceof InputError) return undefined;
    throw error;
  }
}

/** The round that the message is about, where the session is in it. */
const currentOf = (session: Session): InRound | undefined => (session.phase === 'idle' ? undefined : session);

const NO_PEERS: KnownPeers = { advertisements: [], advertisementsHash: '', memberBinding: '' };

function peersOf(
  { session, roster, keys, verify }: SiteView,
  { advertisements, context }: MessageOf<CoordinatorMessage, 'share-keys'>,
): { readonly peers: KnownPeers; readonly finding: 'unknown-peer' | ReturnType<typeof peersFinding> } {
  const masking = currentOf(session)?.masking;
  if (!masking || !roster || !keys) return { peers: NO_PEERS, finding: undefined };
  // Twice in the list: it has no hash.
  if (new Set(advertisements.map((entry) => entry.siteId)).size !== advertisements.length)
    return { peers: NO_PEERS, finding: 'unknown-peer' };
  const hash = advertisementsHash(advertisements);
  const peers = {
    advertisements,
    advertisementsHash: toHex(hash),
    memberBinding: bindingOfMembers(masking.binding, hash),
  };
  // Looked at once: a repetition is the same list, or it is refused as another one.
  if (masking.peers) return { peers, finding: undefined };
  const { siteId, policy } = session;
  const view = { siteId, context, masking, minimumCohort: policy.minimumCohort, roster: roster.keys };
  return { peers, finding: peersFinding({ ...view, ownKeys: keys, verify }, advertisements) };
}

function isWhole(session: Session, { members, payload }: MessageOf<CoordinatorMessage, 'relay'>): boolean {
  const masking = currentOf(session)?.masking;
  if (!masking?.peers) return true;
  const dealers = dealersFor(roundPeers(session.siteId, masking), members);
  return decodeRelayed(payload, dealers.length) !== undefined;
}

/** How many distinct survivors have signed the very survivors that this site has signed. */
function signerCountOf(
  { session, roster, verify }: SiteView,
  { signatures, context }: MessageOf<CoordinatorMessage, 'unmask'>,
): number {
  const masking = currentOf(session)?.masking;
  const { survivors, peers, header } = masking ?? {};
  if (!survivors || !peers || !header || !roster) return 0;
  const survivorsHash = hashSites(survivors);
  const signers = new Set<SiteId>();
  for (const { siteId, signature } of signatures) {
    const publicKey = survivors.includes(siteId) ? roster.keys.get(siteId) : undefined;
    const statement = consistentStatement({ context, siteId, binding: peers.memberBinding, survivorsHash });
    if (publicKey && verify(publicKey, { ...statement, signature })) signers.add(siteId);
    if (signers.size >= header.threshold) break;
  }
  return signers.size;
}

export const rosterView = (roster: Roster): SiteView['roster'] => ({
  keys: roster,
  hash: hashRoster(roster),
});
