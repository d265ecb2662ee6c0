/** With a link in the address, or a session that it has opened before, the site's page; without, what to do. */
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { Router } from 'wouter';
import { useHashLocation } from 'wouter/use-hash-location';
import { createQueryClient } from '../../../shared/ui/data.tsx';
import { ApiError, createApi, type Api } from '../../../shared/ui/query.ts';
import type { SessionView } from '../views.ts';
import { Outside, type OutsideReason } from './outside.tsx';
import { SESSION } from './paths.ts';
import { SessionContext } from './session.tsx';
import { SiteFrame } from './site-frame.tsx';

type State =
  | { readonly kind: 'asking' }
  | { readonly kind: 'outside'; readonly reason: OutsideReason }
  | { readonly kind: 'in'; readonly session: SessionView };

/** A link's word is the whole fragment; the addresses of pages begin with a slash. */
const WORD = /^#([A-Za-z0-9_-]{43})$/;

/** Taken out of the address at once: it must not stay in the history. */
function wordInAddress(): string | undefined {
  const word = WORD.exec(location.hash)?.[1];
  if (word !== undefined) history.replaceState(null, '', location.pathname);
  return word;
}

function openSession(api: Api): Promise<SessionView> {
  const word = wordInAddress();
  return word === undefined ? api.get(SESSION) : api.send('post', SESSION, { word });
}

function reasonOf(error: unknown): OutsideReason {
  if (!(error instanceof ApiError) || error.status === 0) return 'unreachable';
  if (error.status === 401) return 'no-link';
  return error.status === 429 ? 'too-many' : 'wrong-link';
}

export function App() {
  const [state, setState] = useState<State>({ kind: 'asking' });
  const csrfToken = useRef<string>(undefined);
  const client = useMemo(createQueryClient, []);
  const leaveFor = useCallback((reason: OutsideReason) => {
    csrfToken.current = undefined;
    setState({ kind: 'outside', reason });
  }, []);
  const api = useMemo(
    () =>
      createApi({
        csrfToken: () => csrfToken.current,
        onSignedOut: () => {
          leaveFor('no-link');
        },
      }),
    [leaveFor],
  );
  const ask = useCallback(() => {
    openSession(api).then(
      (session) => {
        csrfToken.current = session.csrfToken;
        client.clear();
        setState({ kind: 'in', session });
      },
      (error: unknown) => {
        leaveFor(reasonOf(error));
      },
    );
  }, [api, client, leaveFor]);
  useEffect(() => {
    ask();
    // A new link that is opened where the page is open already changes nothing but the fragment.
    const look = (): void => {
      if (WORD.test(location.hash)) ask();
    };
    addEventListener('hashchange', look);
    return () => {
      removeEventListener('hashchange', look);
    };
  }, [ask]);
  const session = state.kind === 'in' ? state.session : undefined;
  const opened = useMemo(
    () =>
      session && {
        session,
        leave: () => {
          leaveFor('left');
        },
        end: () => {
          leaveFor('ended');
        },
      },
    [session, leaveFor],
  );
  if (state.kind === 'asking') return null;
  if (state.kind === 'outside') return <Outside reason={state.reason} onRetry={ask} />;
  return (
    <Router hook={useHashLocation}>
      <SessionContext value={opened}>
        <SiteFrame api={api} client={client} />
      </SessionContext>
    </Router>
  );
}
