/** Models: all versions, one, and two side by side. */
import { lazy } from 'react';
import { Route, Switch } from 'wouter';
import { ModelList } from './models/model-list.tsx';

/** With the charts. */
const ModelPage = lazy(() =>
  import('./models/model-page.tsx').then((module) => ({ default: module.ModelPage })),
);
const ComparePage = lazy(() =>
  import('./models/compare-page.tsx').then((module) => ({ default: module.ComparePage })),
);

export function ModelsPages() {
  return (
    <Switch>
      <Route path="/models/compare/:a?/:b?">{({ a, b }) => <ComparePage a={a} b={b} />}</Route>
      <Route path="/models/:runId/:round">
        {({ runId, round }) => <ModelPage key={`${runId}/${round}`} runId={runId} round={Number(round)} />}
      </Route>
      <Route>
        <ModelList />
      </Route>
    </Switch>
  );
}
