/** What is new in a plan against another one, in sentences. */
import { useState } from 'react';
import { useGet } from '../../../../shared/ui/data.tsx';
import { Select } from '../../../../shared/ui/form.tsx';
import { shortDigest } from '../../../../shared/ui/format.ts';
import { Card } from '../../../../shared/ui/panels.tsx';
import { Empty, Loaded } from '../../../../shared/ui/states.tsx';
import type { PlanDetail, PlanListItem } from '../../../http/api/plan-views.ts';
import { planDifferencePath, PLANS } from '../../run-paths.ts';

/** The one before it by time, of the same name where there is one. */
function predecessor(detail: PlanDetail, others: readonly PlanListItem[]): string {
  const { name } = detail.plan.task;
  const earlier = others
    .filter(({ addedAt }) => addedAt <= detail.addedAt)
    .toSorted((a, b) => b.addedAt.localeCompare(a.addedAt));
  const found = earlier.find((other) => other.name === name) ?? earlier[0] ?? others[0];
  return found?.planHash ?? '';
}

export function PlanVersions({ detail }: { readonly detail: PlanDetail }) {
  const plans = useGet(PLANS, ['plans']);
  return (
    <Card
      title="Difference from another plan"
      detail="What a site that has approved the other one has to look at."
    >
      <Loaded query={plans} what="The other plans" rows={2}>
        {({ plans: all }) => {
          const others = all.filter(({ planHash }) => planHash !== detail.planHash);
          return others.length === 0 ? (
            <Empty title="There is no other plan">
              Add a new version of this one to see what is different in it.
            </Empty>
          ) : (
            <Against detail={detail} others={others} />
          );
        }}
      </Loaded>
    </Card>
  );
}

interface AgainstProps {
  readonly detail: PlanDetail;
  readonly others: readonly PlanListItem[];
}

function Against({ detail, others }: AgainstProps) {
  const [chosen, setChosen] = useState<string>();
  const other = chosen ?? predecessor(detail, others);
  const difference = useGet(planDifferencePath(detail.planHash, other), ['plans']);
  return (
    <div className="stack tight">
      <Select
        label="Compare with"
        value={other}
        options={others.map(({ planHash, name }) => ({
          value: planHash,
          label: `${name} · ${shortDigest(planHash)}`,
        }))}
        onChange={setChosen}
      />
      <Loaded query={difference} what="The difference" rows={3}>
        {({ differences }) => <Differences sentences={differences} />}
      </Loaded>
    </div>
  );
}

export function Differences({ sentences }: { readonly sentences: readonly string[] }) {
  if (sentences.length === 0) return <p>Nothing is different.</p>;
  return (
    <ul className="stack dense">
      {sentences.map((sentence) => (
        <li key={sentence} className="wrap-anywhere">
          {sentence}
        </li>
      ))}
    </ul>
  );
}
