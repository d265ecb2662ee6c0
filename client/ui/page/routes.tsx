/** The pages of the site, each loaded when it is first opened. */
import { lazy, Suspense, type ComponentType } from 'react';
import { Route, Switch } from 'wouter';
import { Page } from '../../../shared/ui/app-shell.tsx';
import type { IconName } from '../../../shared/ui/icons.tsx';
import { Empty, Loading } from '../../../shared/ui/states.tsx';
import { NowPage } from './pages/now.tsx';

export interface SitePageEntry {
  readonly path: string;
  readonly label: string;
  readonly icon: IconName;
  readonly component: ComponentType;
}

export const PAGES: readonly SitePageEntry[] = [
  { path: '/', label: 'Now', icon: 'overview', component: NowPage },
  {
    ...{ path: '/plans', label: 'Plans', icon: 'plans' },
    component: lazy(() => import('./pages/plans.tsx').then(({ PlansPage }) => ({ default: PlansPage }))),
  },
  {
    ...{ path: '/receipts', label: 'What left us', icon: 'receipt' },
    component: lazy(() =>
      import('./pages/receipts.tsx').then(({ ReceiptsPage }) => ({ default: ReceiptsPage })),
    ),
  },
  {
    ...{ path: '/data', label: 'Our data', icon: 'data' },
    component: lazy(() => import('./pages/data.tsx').then(({ DataPage }) => ({ default: DataPage }))),
  },
  {
    ...{ path: '/benefit', label: 'Our benefit', icon: 'benefit' },
    component: lazy(() =>
      import('./pages/benefit.tsx').then(({ BenefitPage }) => ({ default: BenefitPage })),
    ),
  },
  {
    ...{ path: '/policy', label: 'Policy', icon: 'policy' },
    component: lazy(() => import('./pages/policy.tsx').then(({ PolicyPage }) => ({ default: PolicyPage }))),
  },
  {
    ...{ path: '/ledger', label: 'Ledger', icon: 'ledger' },
    component: lazy(() => import('./pages/ledger.tsx').then(({ LedgerPage }) => ({ default: LedgerPage }))),
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
        {PAGES.map(({ path, component }) => (
          <Route key={path} path={path} component={component} />
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
