/** The console of somebody who is logged in: live events, navigation, pages. */
import { useEffect, useState } from 'react';
import { AppShell } from '../../shared/ui/app-shell.tsx';
import { DataProvider, useGet, useLiveState } from '../../shared/ui/data.tsx';
import { openLive, type Live } from '../../shared/ui/live.ts';
import type { Api } from '../../shared/ui/query.ts';
import { Toasts } from '../../shared/ui/toasts.tsx';
import type { QueryClient } from '@tanstack/react-query';
import type { ListTopic, Subscription } from '../http/api/live-views.ts';
import { isAllowed, ACCESS } from '../http/api/access.ts';
import type { SessionView } from '../http/api/people-views.ts';
import { Account } from './account.tsx';
import { OVERVIEW } from './paths.ts';
import { PAGES, Pages } from './routes.tsx';
import { SESSION_ENDED } from './session-keeper.ts';
import { useSession } from './session.tsx';

export interface ConsoleProps {
  readonly api: Api;
  readonly client: QueryClient;
  readonly session: SessionView;
}

function subscriptionOf({ role }: SessionView): Subscription {
  const topics: ListTopic[] = ['sites', 'plans', 'runs', 'models', 'alerts'];
  if (isAllowed(ACCESS.listLedger, role)) topics.push('ledger');
  if (isAllowed(ACCESS.listUsers, role)) topics.push('users');
  return { topics, runs: 'all' };
}

export function Console({ api, client, session }: ConsoleProps) {
  const [live, setLive] = useState<Live>();
  useEffect(() => {
    const greeting = { event: 'subscribe', message: subscriptionOf(session) };
    const opened = openLive({ path: '/live', event: 'live', greeting });
    setLive(opened);
    return () => {
      opened.close();
    };
  }, [session]);
  return (
    <DataProvider api={api} live={live} client={client}>
      <Toasts>
        <SignedOut />
        <Frame />
      </Toasts>
    </DataProvider>
  );
}

/** The coordinator may end a session at any time: then this page forgets it too. */
function SignedOut() {
  const { forget } = useSession();
  const state = useLiveState();
  useEffect(() => {
    if (state === 'signed-out') forget(SESSION_ENDED);
  }, [state, forget]);
  return null;
}

function Frame() {
  const { session } = useSession();
  const { data: overview } = useGet(OVERVIEW, ['sites', 'runs', 'run', 'alerts']);
  const navigation = PAGES.filter(({ needs }) => isAllowed(ACCESS[needs], session.role)).map((page) => ({
    ...page,
    ...(page.path === '/sites' && {
      waiting: overview?.sites.pending ?? 0,
      waitingFor: 'waiting for approval',
    }),
  }));
  return (
    <AppShell name="Consilium" detail="Coordinator" navigation={navigation} account={<Account />}>
      <Pages />
    </AppShell>
  );
}
