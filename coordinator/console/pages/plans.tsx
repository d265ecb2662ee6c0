/** Plans: all of them, one, and a new one. */
import { lazy } from 'react';
import { Route, Switch } from 'wouter';
import { PlanPage } from './plans/plan-page.tsx';
import { PlanList } from './plans/plan-list.tsx';

/** With the schemas that it checks by it is by far the largest page. */
const PlanEditor = lazy(() =>
  import('./plans/plan-editor.tsx').then(({ PlanEditorPage }) => ({ default: PlanEditorPage })),
);

export function PlansPages() {
  return (
    <Switch>
      <Route path="/plans/new">
        <PlanEditor />
      </Route>
      <Route path="/plans/new/:from">{({ from }) => <PlanEditor key={from} from={from} />}</Route>
      <Route path="/plans/:planHash">
        {({ planHash }) => <PlanPage key={planHash} planHash={planHash} />}
      </Route>
      <Route>
        <PlanList />
      </Route>
    </Switch>
  );
}
