/**
 * The site's steps of secure aggregation (Bonawitz et al. 2017, Figure 4): deals shares, takes in those of the others, signs
 * who survives, reveals once. Pure, as all of the session. Repeated requests get the same answer, and a request that
 * says something else than the one before is refused.
 */
import type { RoundContext } from '../../shared/protocol/messages.ts';
import type { RefusalReason } from '../../shared/protocol/reasons.ts';
import { fromHex, toHex } from '../../shared/crypto/bytes.ts';
import { transcriptHash } from '../../shared/secagg/context.ts';
import type { SessionEvent, SessionTransition } from './events.ts';
import { isSameList, sharersFinding, survivorsFinding } from './masking-checks.ts';
import type { Base, InRound, SessionMasking } from './state.ts';
import { ignore, leave, refusal, stay } from './transitions.ts';

type EventOf<K extends SessionEvent['kind']> = Extract<SessionEvent, { kind: K }>;
export type MaskingEvent = EventOf<'peersListed' | 'relayed' | 'survivorsListed' | 'unmaskRequested'>;

/** An event of secure aggregation in the round that it is about. */
export function maskingStep(session: InRound, event: MaskingEvent): SessionTransition {
  const { masking } = session;
  if (!event.authentic) return ignore(session, event.context, 'bad-coordinator-signature');
  if (!masking) return ignore(session, event.context, 'masking-mismatch');
  switch (event.kind) {
    case 'peersListed':
      return peersListed(session, masking, event);
    case 'relayed':
      return relayed(session, masking, event);
    case 'survivorsListed':
      return survivorsListed(session, masking, event);
    case 'unmaskRequested':
      return unmaskRequested(session, masking, event);
  }
}

const giveUp = (session: InRound, reason: RefusalReason): SessionTransition =>
  leave(session, refusal(session.context, reason));

const answer = (next: InRound, kind: 'dealShares' | 'signSurvivors' | 'reveal'): SessionTransition => ({
  next,
  effects: [{ kind, context: next.context }],
});

function peersListed(
  session: InRound,
  masking: SessionMasking,
  event: EventOf<'peersListed'>,
): SessionTransition {
  if (masking.peers) {
    if (event.peers.advertisementsHash !== masking.peers.advertisementsHash)
      return giveUp(session, 'sites-changed');
    return session.phase === 'sharing' ? answer(session, 'dealShares') : stay(session);
  }
  if (session.phase !== 'advertised') return stay(session);
  if (event.finding !== undefined) return giveUp(session, event.finding);
  return answer({ ...session, phase: 'sharing', masking: { ...masking, peers: event.peers } }, 'dealShares');
}

function relayed(session: InRound, masking: SessionMasking, event: EventOf<'relayed'>): SessionTransition {
  if (masking.sharers)
    return isSameList(masking.sharers, event.members) ? stay(session) : giveUp(session, 'sites-changed');
  if (session.phase !== 'sharing') return stay(session);
  const finding = sharersFinding(session, masking, event.members) ?? event.finding;
  if (finding !== undefined) return giveUp(session, finding);
  return {
    next: { ...session, masking: { ...masking, sharers: event.members } },
    effects: [{ kind: 'keepShares', context: session.context }],
  };
}

function survivorsListed(
  session: InRound,
  masking: SessionMasking,
  { survivors }: EventOf<'survivorsListed'>,
): SessionTransition {
  if (masking.survivors) {
    if (!isSameList(masking.survivors, survivors)) return giveUp(session, 'sites-changed');
    return session.phase === 'consistent' ? answer(session, 'signSurvivors') : stay(session);
  }
  // Before its update is sent the site cannot be in the sum.
  const isSent = session.phase === 'uploaded' || session.phase === 'accepted';
  const finding = isSent ? survivorsFinding(session, masking, survivors) : 'sites-changed';
  if (finding !== undefined) return giveUp(session, finding);
  return answer({ ...session, phase: 'consistent', masking: { ...masking, survivors } }, 'signSurvivors');
}

function unmaskRequested(
  session: InRound,
  masking: SessionMasking,
  { signerCount }: EventOf<'unmaskRequested'>,
): SessionTransition {
  if (session.phase === 'unmasked') return answer(session, 'reveal');
  if (session.phase !== 'consistent') return ignore(session, session.context, 'sites-changed');
  if (signerCount < masking.header.threshold) return giveUp(session, 'too-few-signatures');
  const { runId, round } = session.context;
  const others = (session.unmasked ?? []).filter((entry) => entry.runId !== runId);
  return answer({ ...session, phase: 'unmasked', unmasked: [...others, { runId, round }] }, 'reveal');
}

/** Whether this site has answered an unmasking of this or a later round: there is no second answer. */
export function isSpent({ unmasked = [] }: Base, { runId, round }: RoundContext): boolean {
  return unmasked.some((entry) => entry.runId === runId && entry.round >= round);
}

/** What the next rounds have to build on, once a round that this site survived is published. */
export function withTranscript(session: InRound, sumDigest: string | undefined): InRound {
  const { masking, context, transcripts = [] } = session;
  const { peers, sharers, survivors } = masking ?? {};
  if (!masking || !peers || !sharers || !survivors || sumDigest === undefined) return session;
  const transcript = transcriptHash({
    context: fromHex(masking.binding),
    advertisements: fromHex(peers.advertisementsHash),
    ...{ sharers, survivors },
    sumDigest: fromHex(sumDigest),
  });
  const { runId, round } = context;
  const others = transcripts.filter((entry) => entry.runId !== runId);
  return { ...session, transcripts: [...others, { runId, round, transcript: toHex(transcript) }] };
}

/** The answer that may never have arrived. */
export function lastAnswer(
  session: InRound,
): 'advertise' | 'dealShares' | 'upload' | 'signSurvivors' | 'reveal' | undefined {
  switch (session.phase) {
    case 'advertised':
      return 'advertise';
    case 'sharing':
      return 'dealShares';
    case 'uploaded':
      return 'upload';
    case 'consistent':
      return 'signSurvivors';
    case 'unmasked':
      return 'reveal';
    case 'training':
    case 'accepted':
      return undefined;
  }
}
