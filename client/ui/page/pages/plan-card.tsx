/** One plan: in sentences, compared with the one before, and with its decision. */
import { useState } from 'react';
import { Button } from '../../../../shared/ui/button.tsx';
import { useAct } from '../../../../shared/ui/data.tsx';
import { shortDigest } from '../../../../shared/ui/format.ts';
import { Badge, Card, Note } from '../../../../shared/ui/panels.tsx';
import { Time } from '../../../../shared/ui/values.tsx';
import type { PlansView, PlanView } from '../../views.ts';
import { refusePath } from '../paths.ts';
import { useRefusal, useSession } from '../session.tsx';
import { PLAN_WORDS } from '../words.ts';
import { ApproveDialog } from './approve-dialog.tsx';
import { PlanHashLine } from './plans.tsx';
import { WithdrawDialog } from './withdraw-dialog.tsx';

interface PlanProps {
  readonly plan: PlanView;
  readonly plans: PlansView;
}

export function PlanCard({ plan, plans }: PlanProps) {
  const { name, state, planHash, decidedAt, proposedBy } = plan;
  const { words, tone } = PLAN_WORDS[state];
  return (
    <Card
      title={
        <span className="cluster">
          {name} <Badge tone={tone}>{words}</Badge>
        </span>
      }
      detail={
        <span className="cluster">
          <PlanHashLine planHash={planHash} />
          {decidedAt !== null && (
            <span className="small quiet">
              decided <Time at={decidedAt} />
            </span>
          )}
        </span>
      }
    >
      <div className="stack tight">
        <div className="sentences">
          {plan.summary.map((sentence) => (
            <p key={sentence}>{sentence}</p>
          ))}
        </div>
        <Difference difference={plan.difference} />
        {plan.misfit !== null && (
          <Note tone="warn" title="The images here do not fit this plan">
            <p>{plan.misfit}</p>
          </Note>
        )}
        {plan.note !== null && (
          <Note tone="warn" title="The policy will refuse">
            <p>{plan.note}</p>
          </Note>
        )}
        {state === 'proposed' && (
          <Note tone="info" title={`${proposedBy ?? 'Somebody'} has approved`}>
            <p>A second person has to approve as well before the plan holds.</p>
          </Note>
        )}
        <details>
          <summary>Every field of the plan</summary>
          <pre tabIndex={0}>{JSON.stringify(plan.plan, undefined, 2)}</pre>
        </details>
        <Decisions plan={plan} plans={plans} />
      </div>
    </Card>
  );
}

function Difference({ difference }: Pick<PlanView, 'difference'>) {
  if (!difference) return null;
  return (
    <div className="stack dense">
      <h3>What is different from the plan approved before ({shortDigest(difference.planHash, 8)})</h3>
      {difference.lines.length === 0 ? (
        <p className="quiet">Nothing.</p>
      ) : (
        <ul>
          {difference.lines.map((line) => (
            <li key={line} className="wrap-anywhere">
              {line}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

function Decisions({ plan, plans }: PlanProps) {
  const [asked, setAsked] = useState<'approve' | 'withdraw'>();
  const { person } = useSession().session;
  const refusal = useRefusal();
  const refuse = useAct((api) => api.send('post', refusePath(plan.planHash), {}), {
    done: () => `Plan ${plan.name} is refused.`,
  });
  const isOwn = plan.state === 'proposed' && plan.proposedBy === person;
  const close = (): void => {
    setAsked(undefined);
  };
  return (
    <>
      <div className="cluster">
        {plan.state === 'approved' ? (
          <Button
            disabledReason={refusal}
            onPress={() => {
              setAsked('withdraw');
            }}
          >
            Withdraw…
          </Button>
        ) : (
          <Button
            kind="primary"
            label={`Approve plan ${plan.name}`}
            disabledReason={refusal ?? (isOwn ? 'You have approved; a second person has to.' : undefined)}
            onPress={() => {
              setAsked('approve');
            }}
          >
            Approve…
          </Button>
        )}
        {(plan.state === 'undecided' || plan.state === 'proposed') && (
          <Button
            disabledReason={refusal}
            isBusy={refuse.isBusy}
            label={`Refuse plan ${plan.name}`}
            onPress={() => {
              refuse.start();
            }}
          >
            Refuse
          </Button>
        )}
      </div>
      {asked === 'approve' && plans.roster && (
        <ApproveDialog
          plan={plan}
          roster={plans.roster}
          twoPeople={plans.twoPersonApproval}
          onClose={close}
        />
      )}
      {asked === 'withdraw' && <WithdrawDialog planHash={plan.planHash} name={plan.name} onClose={close} />}
    </>
  );
}
