/** Whose link this page was opened with, and what it allows: the agent refuses by the same. */
import { createContext, useContext } from 'react';
import { InvariantError } from '../../../shared/errors.ts';
import type { SessionView } from '../views.ts';

export interface OpenedSession {
  readonly session: SessionView;
  /** The agent does not know the session any more, or somebody has closed it here. */
  readonly leave: () => void;
  /** The agent ends, and its page with it. */
  readonly end: () => void;
}

export const SessionContext = createContext<OpenedSession | undefined>(undefined);

export function useSession(): OpenedSession {
  const opened = useContext(SessionContext);
  if (!opened) throw new InvariantError('there is no session around this component');
  return opened;
}

/** Why this link may not change anything; undefined: it may. For `Button`'s `disabledReason`. */
export const useRefusal = (): string | undefined =>
  useSession().session.role === 'administrator' ? undefined : 'This link is for looking only.';
