/**
 * The site's side of a round as a pure function, with everything it refuses. The site trusts nothing it is told: the
 * plan must be approved here and match its hash, the model must match its hash, the coordinator must have signed, rounds
 * only go forward, and the cohort may not be smaller than the hospital's policy. Repeated requests get the same answer.
 */
import type { SiteId } from '../../shared/ids.ts';
import { compareAttempts, sameContext, type RoundContext } from '../../shared/protocol/messages.ts';
import type { RefusalReason } from '../../shared/protocol/reasons.ts';
import type { SessionEffect, SessionEvent, SessionTransition } from './events.ts';
import type { Idle, InRound, Session } from './state.ts';

type EventOf<K extends SessionEvent['kind']> = Extract<SessionEvent, { kind: K }>;

const stay = (session: Session): SessionTransition => ({ next: session, effects: [] });

/** The session after an event. Events that change nothing have no effects. */
export function step(session: Session, event: SessionEvent): SessionTransition {
  const { next, effects } = react(session, event);
  if (next === session && effects.length === 0) return { next, effects };
  return { next, effects: [{ kind: 'persist', event }, ...effects] };
}

function react(session: Session, event: SessionEvent): SessionTransition {
  switch (event.kind) {
    case 'announced':
      return announced(session, event);
    case 'trainRequested':
      return trainRequested(session, event);
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

const isCurrent = (session: Session, context: RoundContext): session is InRound =>
  session.phase !== 'idle' && sameContext(session.context, context);

function announced(session: Session, event: EventOf<'announced'>): SessionTransition {
  const { context } = event;
  // Asked again for what it has agreed to, the site agrees again; nothing is started twice.
  if (event.authentic && isCurrent(session, context))
    return { next: session, effects: [{ kind: 'advertise', context }] };
  const reason = announcementRefusal(session, event);
  if (reason) return { next: session, effects: refusal(context, reason) };
  const { siteId, policy, seen } = session;
  const others = seen.filter((earlier) => earlier.runId !== context.runId);
  return {
    next: { phase: 'advertised', siteId, policy, seen: [...others, context], context },
    effects: [
      ...abandon(session),
      { kind: 'emit', report: { kind: 'joined', context } },
      { kind: 'advertise', context },
    ],
  };
}

function announcementRefusal(session: Session, event: EventOf<'announced'>): RefusalReason | undefined {
  const { context, planHash, cohort } = event;
  if (!event.authentic) return 'bad-coordinator-signature';
  if (planHash !== context.planHash) return 'plan-hash-mismatch';
  if (!session.policy.approvedPlans.includes(planHash)) return 'plan-not-approved';
  const last = session.seen.find((earlier) => earlier.runId === context.runId);
  if (last && compareAttempts(context, last) <= 0) return 'round-not-increasing';
  return cohortRefusal(session, cohort);
}

function cohortRefusal(session: Session, cohort: readonly SiteId[]): RefusalReason | undefined {
  if (!cohort.includes(session.siteId)) return 'not-in-cohort';
  return cohort.length < session.policy.minimumCohort ? 'cohort-below-policy' : undefined;
}

function trainRequested(session: Session, event: EventOf<'trainRequested'>): SessionTransition {
  const { context } = event;
  if (!event.authentic || !isCurrent(session, context)) return stay(session);
  switch (session.phase) {
    case 'advertised':
      break;
    case 'training':
    case 'accepted':
      return stay(session);
    case 'uploaded':
      return { next: session, effects: [{ kind: 'upload', context }] };
  }
  const reason =
    event.modelHash === context.modelHash ? cohortRefusal(session, event.cohort) : 'model-hash-mismatch';
  if (reason) return leave(session, refusal(context, reason));
  return {
    next: { ...session, phase: 'training' },
    effects: [
      { kind: 'emit', report: { kind: 'trainingStarted', context } },
      { kind: 'startTraining', context },
    ],
  };
}

function stepsDone(session: Session, { context, steps }: EventOf<'stepsDone'>): SessionTransition {
  if (!isCurrent(session, context) || session.phase !== 'training') return stay(session);
  return { next: session, effects: [{ kind: 'tellProgress', context, steps }] };
}

function trained(session: Session, context: RoundContext): SessionTransition {
  if (!isCurrent(session, context) || session.phase !== 'training') return stay(session);
  return { next: { ...session, phase: 'uploaded' }, effects: [{ kind: 'upload', context }] };
}

function trainingFailed(session: Session, context: RoundContext): SessionTransition {
  if (!isCurrent(session, context) || session.phase !== 'training') return stay(session);
  return leave({ ...session, phase: 'advertised' }, refusal(context, 'training-failed'));
}

function acknowledged(session: Session, event: EventOf<'acknowledged'>): SessionTransition {
  const { context, result } = event;
  if (!isCurrent(session, context)) return stay(session);
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

/** An update whose round was aborted did not count, and what was learned with it is given up as well. */
function closed(session: Session, { context, published }: EventOf<'closed'>): SessionTransition {
  if (!isCurrent(session, context)) return stay(session);
  // The word that the update was accepted may have been lost.
  const counted = published && (session.phase === 'uploaded' || session.phase === 'accepted');
  return leave(session, [
    { kind: 'emit', report: { kind: 'closed', context } },
    ...(counted ? [{ kind: 'keepState', context } as const] : []),
  ]);
}

/** After a lost connection the last answer is repeated: it may never have arrived. */
function connected(session: Session): SessionTransition {
  switch (session.phase) {
    case 'idle':
    case 'training':
    case 'accepted':
      return stay(session);
    case 'advertised':
      return { next: session, effects: [{ kind: 'advertise', context: session.context }] };
    case 'uploaded':
      return { next: session, effects: [{ kind: 'upload', context: session.context }] };
  }
}

function refusal(context: RoundContext, reason: RefusalReason): readonly SessionEffect[] {
  return [
    { kind: 'emit', report: { kind: 'refused', context, reason } },
    { kind: 'refuse', context, reason },
  ];
}

/** What has to be stopped and thrown away when a round is left. */
function abandon(session: Session): readonly SessionEffect[] {
  if (session.phase === 'idle') return [];
  const { context } = session;
  const forget: SessionEffect = { kind: 'forget', context };
  return session.phase === 'training' ? [{ kind: 'cancelTraining', context }, forget] : [forget];
}

function leave(session: InRound, effects: readonly SessionEffect[]): SessionTransition {
  const { siteId, policy, seen } = session;
  const next: Idle = { phase: 'idle', siteId, policy, seen };
  return { next, effects: [...effects, ...abandon(session)] };
}
