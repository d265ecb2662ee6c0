/** The frame of the site's page: what the agent tells by itself, navigation, pages. */
import { useQueryClient, type QueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { AppShell } from '../../../shared/ui/app-shell.tsx';
import { Button } from '../../../shared/ui/button.tsx';
import { DataProvider, useAct, useGet, useLiveEvent, useLiveState } from '../../../shared/ui/data.tsx';
import { openLive, type Live } from '../../../shared/ui/live.ts';
import type { Api } from '../../../shared/ui/query.ts';
import { Toasts } from '../../../shared/ui/toasts.tsx';
import type { StateView } from '../views.ts';
import { LOGOUT, PLANS, STATE } from './paths.ts';
import { PAGES, Pages } from './routes.tsx';
import { useSession } from './session.tsx';

export function SiteFrame({ api, client }: { readonly api: Api; readonly client: QueryClient }) {
  const [live, setLive] = useState<Live>();
  useEffect(() => {
    const opened = openLive({ path: '/live', event: 'live' });
    setLive(opened);
    return () => {
      opened.close();
    };
  }, []);
  return (
    <DataProvider api={api} live={live} client={client}>
      <Toasts>
        <LiveNews />
        <Frame />
      </Toasts>
    </DataProvider>
  );
}

/** The state comes with its event; an ended session or agent ends the page. */
function LiveNews() {
  const client = useQueryClient();
  const { leave, end } = useSession();
  const state = useLiveState();
  useLiveEvent<{ topic: 'state'; state: StateView }>('state', (event) => {
    client.setQueryData([STATE], event.state);
  });
  useLiveEvent('ended', end);
  useEffect(() => {
    if (state === 'signed-out') leave();
  }, [state, leave]);
  return null;
}

function Frame() {
  const { data: state } = useGet(STATE, []);
  const { data: plans } = useGet(PLANS, ['plans']);
  const waiting = plans?.plans.filter(
    ({ state: decided }) => decided === 'undecided' || decided === 'proposed',
  );
  const navigation = PAGES.map((page) => ({
    ...page,
    ...(page.path === '/plans' && { waiting: waiting?.length ?? 0, waitingFor: 'waiting for a decision' }),
  }));
  return (
    <AppShell
      name="Consilium"
      detail={state ? `Site ${state.site.siteId}` : 'Site'}
      navigation={navigation}
      account={<Account />}
    >
      <Pages />
    </AppShell>
  );
}

const ROLES = { administrator: 'may decide', viewer: 'looks on' } as const;

function Account() {
  const { session, leave } = useSession();
  const logout = useAct((api) => api.send('post', LOGOUT, {}), { then: leave });
  return (
    <div className="cluster spread small">
      <span className="quiet">
        {session.person}, {ROLES[session.role]}
      </span>
      <Button
        size="small"
        kind="quiet"
        isBusy={logout.isBusy}
        onPress={() => {
          logout.start();
        }}
      >
        Close session
      </Button>
    </div>
  );
}
