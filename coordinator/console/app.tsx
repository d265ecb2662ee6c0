/** Whether somebody is logged in decides what is shown: the login or the console, at the same address. */
import { useEffect, useMemo, useState, useSyncExternalStore } from 'react';
import { Router } from 'wouter';
import { useHashLocation } from 'wouter/use-hash-location';
import { createQueryClient } from '../../shared/ui/data.tsx';
import { ErrorPanel } from '../../shared/ui/states.tsx';
import { Console } from './console.tsx';
import { LoginPage } from './login-page.tsx';
import { keepSession } from './session-keeper.ts';
import { SessionContext } from './session.tsx';

export function App() {
  const [client] = useState(createQueryClient);
  const [keeper] = useState(() =>
    keepSession({
      // What another person has seen is not this one's.
      onOtherPerson: () => {
        client.clear();
      },
    }),
  );
  const state = useSyncExternalStore(keeper.subscribe, keeper.state);
  useEffect(() => {
    void keeper.ask();
  }, [keeper]);
  const opened = useMemo(
    () => (state.kind === 'in' ? { session: state.session, forget: keeper.forget } : undefined),
    [state, keeper],
  );
  switch (state.kind) {
    case 'asking':
      return null;
    case 'failed':
      return (
        <main className="centred">
          <ErrorPanel
            error={state.error}
            what="The console"
            onRetry={() => {
              void keeper.ask();
            }}
          />
        </main>
      );
    case 'out':
      return <LoginPage api={keeper.api} notice={state.notice} onOpen={keeper.open} />;
    case 'in':
      return (
        <Router hook={useHashLocation}>
          <SessionContext value={opened}>
            <Console api={keeper.api} client={client} session={state.session} />
          </SessionContext>
        </Router>
      );
  }
}
