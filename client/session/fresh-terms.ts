/** What the hospital's people decide while the agent runs, and when it holds: from the next round on. */
import { sameContext, type CoordinatorMessage } from '../../shared/protocol/messages.ts';
import { isAnnounced } from './admission.ts';
import type { SiteAgentOptions, SiteTerms } from './agent-options.ts';
import type { Session } from './state.ts';

/** Read again for a round that the coordinator has announced and the site is not in yet; else undefined. */
export function freshTerms(
  message: CoordinatorMessage,
  session: Session,
  { terms, coordinatorKey }: Pick<SiteAgentOptions, 'terms' | 'coordinatorKey'>,
): SiteTerms | undefined {
  if (!terms || message.type !== 'announce') return undefined;
  if (session.phase !== 'idle' && sameContext(session.context, message.context)) return undefined;
  return isAnnounced(coordinatorKey, message) ? terms() : undefined;
}

/** Whether the site is still in the round that it was in. */
export function isStillIn(before: Session, now: Session): boolean {
  return before.phase !== 'idle' && now.phase !== 'idle' && sameContext(before.context, now.context);
}
