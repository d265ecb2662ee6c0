/** The moves that the events of a session lead to: nothing, a refusal, leaving the round. Pure, as all of the session. */
import type { RoundContext } from '../../shared/protocol/messages.ts';
import type { RefusalReason } from '../../shared/protocol/reasons.ts';
import type { SessionEffect, SessionTransition } from './events.ts';
import { memoryOf, type Base, type Idle, type InRound, type Session } from './state.ts';

export const stay = (session: Session): SessionTransition => ({ next: session, effects: [] });

/** Changes nothing, but the site's own people can see it. */
export const ignore = (
  session: Session,
  context: RoundContext,
  reason: RefusalReason,
): SessionTransition => ({
  next: session,
  effects: [{ kind: 'emit', report: { kind: 'ignored', context, reason } }],
});

export function refusal(context: RoundContext, reason: RefusalReason): readonly SessionEffect[] {
  return [
    { kind: 'emit', report: { kind: 'refused', context, reason } },
    { kind: 'refuse', context, reason },
  ];
}

/** What has to be stopped and thrown away when a round is left. */
export function abandon(session: Session): readonly SessionEffect[] {
  if (session.phase === 'idle') return [];
  const { context } = session;
  const forget: SessionEffect = { kind: 'forget', context };
  return session.phase === 'training' ? [{ kind: 'cancelTraining', context }, forget] : [forget];
}

/** What outlives a round. */
export function baseOf({ siteId, policy, inVain, ...memory }: Base): Base {
  return { siteId, policy, ...memoryOf(memory), ...(inVain && { inVain }) };
}

/** Nothing of it can be repeated any more. */
export function withoutVain({ siteId, policy, ...memory }: Base): Base {
  return { siteId, policy, ...memoryOf(memory) };
}

export function leave(session: InRound, effects: readonly SessionEffect[]): SessionTransition {
  const next: Idle = { phase: 'idle', ...baseOf(session) };
  return { next, effects: [...effects, ...abandon(session)] };
}
