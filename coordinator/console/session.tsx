/** Who is logged in at this page, and what they may do: by the very table that the coordinator refuses by. */
import { createContext, useContext } from 'react';
import { InvariantError } from '../../shared/errors.ts';
import { ACCESS, isAllowed, type Operation } from '../http/api/access.ts';
import type { SessionView } from '../http/api/people-views.ts';

export interface OpenedSession {
  readonly session: SessionView;
  /** Forgets the session here; the coordinator has ended it. @param notice why, for the login; none for who wanted it */
  readonly forget: (notice?: string) => void;
}

export const SessionContext = createContext<OpenedSession | undefined>(undefined);

export function useSession(): OpenedSession {
  const opened = useContext(SessionContext);
  if (!opened) throw new InvariantError('nobody is logged in around this component');
  return opened;
}

/** Whether the person may see what an operation answers. */
export const useMayRead = (operation: Operation): boolean =>
  isAllowed(ACCESS[operation], useSession().session.role);

/** Why the person may not do something; undefined: they may. For `Button`'s `disabledReason`. */
export function useRefusal(operation: Operation): string | undefined {
  const { role } = useSession().session;
  if (isAllowed(ACCESS[operation], role)) return undefined;
  return `Your role, ${role}, may look at this but not change it.`;
}
