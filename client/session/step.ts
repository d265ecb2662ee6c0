/**
 * The site's side of a round as a pure function, with everything it refuses. The site trusts nothing it is told: the
 * plan must be approved here and match its hash, the model must match its hash, the coordinator must have signed, rounds
 * only go forward, and the cohort may not be smaller than the hospital's policy. Repeated requests get the same answer.
 */
import type { SiteId } from '../../shared/ids.ts';
import { isCountsRound } from '../../shared/protocol/class-counts.ts';
import { compareAttempts, sameContext, type RoundContext } from '../../shared/protocol/messages.ts';
import type { RefusalReason } from '../../shared/protocol/reasons.ts';
import type { SessionEffect, SessionEvent, SessionTransition } from './events.ts';
import { isSameList, offerFinding } from './masking-checks.ts';
import { isSpent, lastAnswer, maskingStep, withTranscript } from './masking-step.ts';
import { unmaskedAttempt } from './repair-check.ts';
import type { Base, InRound, Session } from './state.ts';
import { countsFinding, withFederation, withOwnCounts } from './tallies.ts';
import { abandon, ignore, leave, refusal, stay, withoutVain } from './transitions.ts';

type EventOf<K extends SessionEvent['kind']> = Extract<SessionEvent, { kind: K }>;

/** The session after an event. Events that change nothing have no effects. */
export function step(session: Session, event: SessionEvent): SessionTransition {
  const { next, effects } = react(session, event);
  // What was ignored is for people only: whoever sends much of it must not fill the journal.
  const isIdle = effects.every((effect) => effect.kind === 'emit' && effect.report.kind === 'ignored');
  if (next === session && isIdle) return { next, effects };
  return { next, effects: [{ kind: 'persist', event }, ...effects] };
}

function react(session: Session, event: SessionEvent): SessionTransition {
  switch (event.kind) {
    case 'announced':
      return announced(session, event);
    case 'trainRequested':
      return trainRequested(session, event);
    case 'peersListed':
    case 'relayed':
    case 'survivorsListed':
    case 'unmaskRequested':
      return isCurrent(session, event.context) ? maskingStep(session, event) : forgotten(session, event);
    case 'countRequested':
      return countRequested(session, event);
    case 'counted':
      return counted(session, event);
    case 'stepsDone':
      return stepsDone(session, event);
    case 'trained':
      return trained(session, event.context);
    case 'trainingFailed':
      return trainingFailed(session, event.context);
    case 'acknowledged':
      return acknowledged(session, event);
    case 'closed':
      return closed(session, event);
    case 'connected':
      return connected(session);
  }
}

/**
 * A question about a round that the site has agreed to and knows no more of, because its program ended in between: it
 * says so, instead of letting the others wait for it until the deadline.
 */
function forgotten(
  session: Session,
  { context, authentic }: { readonly context: RoundContext; readonly authentic: boolean },
): SessionTransition {
  if (session.phase !== 'idle' || !authentic) return stay(session);
  const isForgotten = session.forgotten?.some((earlier) => sameContext(earlier, context)) ?? false;
  if (!isForgotten) return stay(session);
  return { next: session, effects: refusal(context, 'restarted') };
}

const isCurrent = (session: Session, context: RoundContext): session is InRound =>
  session.phase !== 'idle' && sameContext(session.context, context);

function announced(session: Session, event: EventOf<'announced'>): SessionTransition {
  const { context } = event;
  // Whoever can make such messages must not make the site answer, or fill its ledger.
  if (!event.authentic) return ignore(session, context, 'bad-coordinator-signature');
  // Asked again for what it has agreed to, the site agrees again; nothing is started twice.
  if (isCurrent(session, context)) return { next: session, effects: [{ kind: 'advertise', context }] };
  const reason = announcementRefusal(session, event);
  if (reason) return { next: session, effects: refusal(context, reason) };
  const inVain = event.masking?.isRepair === true && unmaskedAttempt(session);
  const kept: Base = { ...withoutVain(session), ...(inVain && { inVain }) };
  const base = withFederation(kept, context, event.counts);
  const others = base.seen.filter((earlier) => earlier.runId !== context.runId);
  const masking = maskingOf(event);
  return {
    next: {
      ...{ phase: 'advertised', ...base, seen: [...others, context], context },
      ...(masking && { masking }),
    },
    effects: [
      ...abandon(session),
      { kind: 'emit', report: { kind: 'joined', context } },
      { kind: 'advertise', context },
    ],
  };
}

function maskingOf({ cohort, masking }: EventOf<'announced'>): InRound['masking'] {
  if (!masking?.header || masking.binding === undefined) return undefined;
  const { header, binding } = masking;
  return { header, cohort, binding };
}

function announcementRefusal(session: Session, event: EventOf<'announced'>): RefusalReason | undefined {
  const { context, planHash, cohort } = event;
  if (planHash !== context.planHash) return 'plan-hash-mismatch';
  if (!session.policy.approvedPlans.includes(planHash)) return 'plan-not-approved';
  if (isSpent(session, context) && !event.masking?.isRepair) return 'already-unmasked';
  const last = session.seen.find((earlier) => earlier.runId === context.runId);
  if (last && compareAttempts(context, last) <= 0) return 'round-not-increasing';
  return (
    cohortRefusal(session, cohort) ??
    countsFinding(session, context, event.counts) ??
    offerFinding(session, context, cohort, event.masking)
  );
}

function cohortRefusal(session: Session, cohort: readonly SiteId[]): RefusalReason | undefined {
  if (!cohort.includes(session.siteId)) return 'not-in-cohort';
  return cohort.length < session.policy.minimumCohort ? 'cohort-below-policy' : undefined;
}

function trainRequested(session: Session, event: EventOf<'trainRequested'>): SessionTransition {
  const { context } = event;
  if (!isCurrent(session, context)) return forgotten(session, event);
  if (!event.authentic) return ignore(session, context, 'bad-coordinator-signature');
  return (
    beforeWork(session) ??
    startWork(session, trainingRefusal(session, event), [
      { kind: 'emit', report: { kind: 'trainingStarted', context } },
      { kind: 'startTraining', context },
    ])
  );
}

/** The round of counts has no model: the site counts in the place of training. */
function countRequested(session: Session, event: EventOf<'countRequested'>): SessionTransition {
  const { context } = event;
  if (!isCurrent(session, context)) return forgotten(session, event);
  if (!event.authentic) return ignore(session, context, 'bad-coordinator-signature');
  const reason = isCountsRound(context) ? workRefusal(session, event.cohort) : 'counts-mismatch';
  return (
    beforeWork(session) ??
    startWork(session, reason, [
      { kind: 'emit', report: { kind: 'countingStarted', context } },
      { kind: 'startCounting', context },
    ])
  );
}

/** What a request for work means when it is not time to begin it: not yet, or once more. */
function beforeWork(session: InRound): SessionTransition | undefined {
  switch (session.phase) {
    case 'advertised':
      // Under secure aggregation nothing is done before the shares are dealt.
      return session.masking ? stay(session) : undefined;
    case 'sharing':
      return session.masking?.sharers ? undefined : stay(session);
    case 'training':
    case 'accepted':
    case 'consistent':
    case 'unmasked':
      return stay(session);
    case 'uploaded':
      return { next: session, effects: [{ kind: 'upload', context: session.context }] };
  }
}

function startWork(
  session: InRound,
  reason: RefusalReason | undefined,
  effects: readonly SessionEffect[],
): SessionTransition {
  if (reason) return leave(session, refusal(session.context, reason));
  return { next: { ...session, phase: 'training' }, effects };
}

function trainingRefusal(session: InRound, event: EventOf<'trainRequested'>): RefusalReason | undefined {
  const { context } = session;
  if (isCountsRound(context)) return 'counts-mismatch';
  return event.modelHash === context.modelHash ? workRefusal(session, event.cohort) : 'model-hash-mismatch';
}

function workRefusal(session: InRound, cohort: readonly SiteId[]): RefusalReason | undefined {
  const sharers = session.masking?.sharers;
  if (sharers && !isSameList(sharers, cohort)) return 'sites-changed';
  return cohortRefusal(session, cohort);
}

function stepsDone(session: Session, { context, steps }: EventOf<'stepsDone'>): SessionTransition {
  if (!isCurrent(session, context) || session.phase !== 'training') return stay(session);
  return { next: session, effects: [{ kind: 'tellProgress', context, steps }] };
}

function trained(session: Session, context: RoundContext): SessionTransition {
  if (!isCurrent(session, context) || session.phase !== 'training') return stay(session);
  return { next: { ...session, phase: 'uploaded' }, effects: [{ kind: 'upload', context }] };
}

function counted(session: Session, { context, classCounts }: EventOf<'counted'>): SessionTransition {
  if (!isCurrent(session, context) || session.phase !== 'training') return stay(session);
  const next = { ...session, phase: 'uploaded', counts: classCounts } as const;
  return { next, effects: [{ kind: 'upload', context }] };
}

function trainingFailed(session: Session, context: RoundContext): SessionTransition {
  if (!isCurrent(session, context) || session.phase !== 'training') return stay(session);
  return leave({ ...session, phase: 'advertised' }, refusal(context, 'training-failed'));
}

function acknowledged(session: Session, event: EventOf<'acknowledged'>): SessionTransition {
  const { context, result } = event;
  if (!isCurrent(session, context)) return stay(session);
  // Somebody on the way could make the site leave its round, or give up an update that has not arrived.
  if (!event.authentic) return ignore(session, context, 'bad-coordinator-signature');
  const report: SessionEffect = { kind: 'emit', report: { kind: 'acknowledged', context, result } };
  switch (result.status) {
    case 'accepted':
    case 'duplicate': {
      if (event.of !== 'update' || session.phase !== 'uploaded') return { next: session, effects: [report] };
      return {
        next: { ...session, phase: 'accepted' },
        effects: [report, { kind: 'discardUpdate', context }],
      };
    }
    case 'late':
    case 'rejected':
      // The round goes on without this site.
      return leave(session, [report]);
  }
}

/** The phases in which the update is on its way or has arrived. */
const SENT: readonly InRound['phase'][] = ['uploaded', 'accepted', 'consistent', 'unmasked'];

/** An update whose round was aborted did not count, and what was learned with it is given up as well. */
function closed(session: Session, event: EventOf<'closed'>): SessionTransition {
  const { context, published, sumDigest } = event;
  if (!isCurrent(session, context)) return stay(session);
  if (!event.authentic) return ignore(session, context, 'bad-coordinator-signature');
  // The word that the update was accepted may have been lost.
  const isIn = published && SENT.includes(session.phase);
  const { next, effects } = leave(isIn ? withOwnCounts(withTranscript(session, sumDigest)) : session, [
    { kind: 'emit', report: { kind: 'closed', context } },
    ...(isIn ? [{ kind: 'keepState', context } as const] : []),
  ]);
  const inVain = published ? undefined : unmaskedAttempt(session);
  return { next: { phase: 'idle', ...withoutVain(next), ...(inVain && { inVain }) }, effects };
}

/** After a lost connection the last answer is repeated: it may never have arrived. */
function connected(session: Session): SessionTransition {
  const { phase } = session;
  if (phase === 'idle') return stay(session);
  const { context } = session;
  const kind = lastAnswer(session);
  return kind === undefined ? stay(session) : { next: session, effects: [{ kind, context }] };
}
