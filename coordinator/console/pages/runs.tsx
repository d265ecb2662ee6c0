/** Runs: the queue, and one run with everything that is known about it. */
import { lazy } from 'react';
import { Route, Switch } from 'wouter';
import { RunList } from './runs/run-list.tsx';

/** With the charts. */
const RunPage = lazy(() => import('./runs/run-page.tsx').then((module) => ({ default: module.RunPage })));

export function RunsPages() {
  return (
    <Switch>
      <Route path="/runs/:runId">{({ runId }) => <RunPage key={runId} runId={runId} />}</Route>
      <Route>
        <RunList />
      </Route>
    </Switch>
  );
}
