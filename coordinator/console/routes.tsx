/** The pages of the console, each loaded when it is first opened. */
import { lazy, Suspense, type ComponentType } from 'react';
import { Route, Switch } from 'wouter';
import type { IconName } from '../../shared/ui/icons.tsx';
import { Page } from '../../shared/ui/app-shell.tsx';
import { Empty, Loading } from '../../shared/ui/states.tsx';
import type { Operation } from '../http/api/access.ts';
import { OverviewPage } from './pages/overview.tsx';
import { useMayRead } from './session.tsx';

export interface ConsolePage {
  readonly path: string;
  readonly label: string;
  readonly icon: IconName;
  /** Whoever may not do this does not see the page in the navigation. */
  readonly needs: Operation;
  readonly component: ComponentType;
}

/** A page has all addresses below its path, as `/runs/first`, for itself. */
export const PAGES: readonly ConsolePage[] = [
  { path: '/', label: 'Overview', icon: 'overview', needs: 'showOverview', component: OverviewPage },
  {
    ...{ path: '/sites', label: 'Sites', icon: 'sites', needs: 'listSites' },
    component: lazy(() => import('./pages/sites.tsx').then(({ SitesPages }) => ({ default: SitesPages }))),
  },
  {
    ...{ path: '/plans', label: 'Plans', icon: 'plans', needs: 'listPlans' },
    component: lazy(() => import('./pages/plans.tsx').then(({ PlansPages }) => ({ default: PlansPages }))),
  },
  {
    ...{ path: '/runs', label: 'Runs', icon: 'runs', needs: 'listRuns' },
    component: lazy(() => import('./pages/runs.tsx').then(({ RunsPages }) => ({ default: RunsPages }))),
  },
  {
    ...{ path: '/models', label: 'Models', icon: 'models', needs: 'listModels' },
    component: lazy(() => import('./pages/models.tsx').then(({ ModelsPages }) => ({ default: ModelsPages }))),
  },
  {
    ...{ path: '/ledger', label: 'Ledger', icon: 'ledger', needs: 'listLedger' },
    component: lazy(() => import('./pages/ledger.tsx').then(({ LedgerPage }) => ({ default: LedgerPage }))),
  },
  {
    ...{ path: '/users', label: 'Users', icon: 'users', needs: 'listUsers' },
    component: lazy(() => import('./pages/users.tsx').then(({ UsersPage }) => ({ default: UsersPage }))),
  },
  {
    ...{ path: '/settings', label: 'Settings', icon: 'settings', needs: 'showSettings' },
    component: lazy(() =>
      import('./pages/settings.tsx').then(({ SettingsPage }) => ({ default: SettingsPage })),
    ),
  },
];

export function Pages() {
  return (
    <Suspense
      fallback={
        <div className="page">
          <Loading what="the page" rows={6} rowHeight={44} />
        </div>
      }
    >
      <Switch>
        {PAGES.map((page) => (
          <Route key={page.path} path={page.path === '/' ? '/' : `${page.path}/*?`}>
            <Guarded page={page} />
          </Route>
        ))}
        <Route>
          <Page title="There is no such page">
            <Empty title="Nothing is at this address">Choose a page in the navigation.</Empty>
          </Page>
        </Route>
      </Switch>
    </Suspense>
  );
}

function Guarded({ page: { label, needs, component: Content } }: { readonly page: ConsolePage }) {
  if (useMayRead(needs)) return <Content />;
  return (
    <Page title={label}>
      <Empty title="Your role may not see this page">
        Ask an administrator, or log in as somebody who may.
      </Empty>
    </Page>
  );
}
