/** Whether somebody is logged in at this page: asked for once, then kept up to date by what the coordinator answers. */
import { ApiError, createApi, type Api } from '../../shared/ui/query.ts';
import type { SessionView } from '../http/api/people-views.ts';
import { SESSION } from './paths.ts';

export type SessionState =
  | { readonly kind: 'asking' }
  | { readonly kind: 'failed'; readonly error: unknown }
  /** `notice`: why, to somebody who was logged in and did not log out. */
  | { readonly kind: 'out'; readonly notice?: string }
  | { readonly kind: 'in'; readonly session: SessionView };

export interface SessionKeeper {
  readonly api: Api;
  readonly state: () => SessionState;
  /** @returns ends the subscription */
  readonly subscribe: (listener: () => void) => () => void;
  /** Asks the coordinator whose session the browser has. */
  readonly ask: () => Promise<void>;
  readonly open: (session: SessionView) => void;
  /** The coordinator has ended the session. */
  readonly forget: (notice?: string) => void;
}

export const SESSION_ENDED = 'Your session has ended. Log in again to go on where you were.';

export interface KeeperSettings {
  /** What was asked for belongs to somebody else. */
  readonly onOtherPerson: () => void;
  /** For tests. */
  readonly fetch?: typeof fetch;
}

export function keepSession({ onOtherPerson, fetch: ask }: KeeperSettings): SessionKeeper {
  const listeners = new Set<() => void>();
  let state: SessionState = { kind: 'asking' };
  let lastUser: string | undefined;
  const enter = (next: SessionState): void => {
    state = next;
    for (const listener of listeners) listener();
  };
  const open = (session: SessionView): void => {
    if (lastUser !== undefined && lastUser !== session.user) onOtherPerson();
    lastUser = session.user;
    enter({ kind: 'in', session });
  };
  const forget = (notice?: string): void => {
    if (state.kind === 'in') enter({ kind: 'out', ...(notice !== undefined && { notice }) });
  };
  const api = createApi({
    csrfToken: () => (state.kind === 'in' ? state.session.csrfToken : undefined),
    onSignedOut: () => {
      forget(SESSION_ENDED);
    },
    renewToken: async () => {
      const before = lastUser;
      open(await api.get(SESSION));
      return lastUser === before;
    },
    ...(ask && { fetch: ask }),
  });
  return {
    ...{ api, open, forget },
    state: () => state,
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    ask: () =>
      api.get(SESSION).then(open, (error: unknown) => {
        const isOut = error instanceof ApiError && error.status === 401;
        enter(isOut ? { kind: 'out' } : { kind: 'failed', error });
      }),
  };
}
