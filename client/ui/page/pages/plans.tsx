/** What is asked of the hospital: every plan in sentences, what is new in it, and the hospital's word. */
import { Page } from '../../../../shared/ui/app-shell.tsx';
import { useGet } from '../../../../shared/ui/data.tsx';
import { Card, Note } from '../../../../shared/ui/panels.tsx';
import { Empty, Loaded } from '../../../../shared/ui/states.tsx';
import { Hash } from '../../../../shared/ui/values.tsx';
import type { PlansView } from '../../views.ts';
import { PLANS } from '../paths.ts';
import { OtherPlans } from './other-plans.tsx';
import { PlanCard } from './plan-card.tsx';
import { RosterCard } from './roster-card.tsx';

export function PlansPage() {
  const query = useGet(PLANS, ['plans']);
  return (
    <Page
      title="Plans"
      lead="A plan says everything about a training. Nothing is trained here whose plan this hospital has not approved."
    >
      <Loaded query={query} what="The plans" rows={3} rowHeight={220}>
        {(plans) => <Plans plans={plans} />}
      </Loaded>
    </Page>
  );
}

function Plans({ plans }: { readonly plans: PlansView }) {
  const { problem, roster } = plans;
  const waiting = plans.plans.filter(({ state }) => state === 'undecided' || state === 'proposed');
  const decided = plans.plans.filter((plan) => !waiting.includes(plan));
  return (
    <>
      {problem !== null && (
        <Note tone="warn" title="The coordinator cannot be asked for plans" isLive>
          <p>{problem}</p>
          <p>
            What is approved here holds all the same. The plans appear when the coordinator answers again.
          </p>
        </Note>
      )}
      {plans.twoPersonApproval && (
        <Note title="Two people decide">
          <p>
            The policy of this site asks for two people: a plan holds when both have approved it, each with a
            link of their own. <code>consilium site page</code> prints the links.
          </p>
        </Note>
      )}
      {waiting.map((plan) => (
        <PlanCard key={plan.planHash} plan={plan} plans={plans} />
      ))}
      {roster && <RosterCard roster={roster} />}
      {decided.map((plan) => (
        <PlanCard key={plan.planHash} plan={plan} plans={plans} />
      ))}
      {problem === null && plans.plans.length === 0 && (
        <Card title="Plans of the federation">
          <Empty title="The federation has no plan yet">
            When a researcher adds one at the coordinator it appears here, for this hospital to decide.
          </Empty>
        </Card>
      )}
      <OtherPlans hashes={plans.otherApproved} />
    </>
  );
}

export const PlanHashLine = ({ planHash }: { readonly planHash: string }) => (
  <span className="cluster small quiet">
    Hash <Hash value={planHash} what="hash of the plan" chars={16} />
  </span>
);
