/** What the check says about a plan that is being written: problems with their lines, or what it means and what is new. */
import { useQuery } from '@tanstack/react-query';
import { planDifference } from '../../../../shared/protocol/plan-difference.ts';
import type { Plan } from '../../../../shared/protocol/plan-schema.ts';
import { useApi } from '../../../../shared/ui/data.tsx';
import { counted } from '../../../../shared/ui/format.ts';
import { Badge, Card, KeyValues } from '../../../../shared/ui/panels.tsx';
import { Loaded } from '../../../../shared/ui/states.tsx';
import { Hash } from '../../../../shared/ui/values.tsx';
import type { CheckedPlan } from '../../../http/api/plan-views.ts';
import { PLAN_CHECK } from '../../run-paths.ts';
import type { DraftProblem, PlanDraft } from './plan-draft.ts';
import { Differences } from './plan-versions.tsx';

interface PlanCheckProps {
  readonly text: string;
  readonly draft: PlanDraft;
  /** The plan that this one begins with. */
  readonly base: Plan | undefined;
  readonly onGo: (line: number) => void;
}

export function PlanCheck({ text, draft, base, onGo }: PlanCheckProps) {
  const api = useApi();
  const isSound = draft.problems.length === 0;
  const check = useQuery({
    queryKey: [PLAN_CHECK, text],
    queryFn: () => api.send('post', PLAN_CHECK, { text }),
    enabled: isSound,
    staleTime: Infinity,
  });
  return (
    <div className="stack plan-check">
      <Card
        title="Check"
        actions={
          <span role="status">
            {isSound ? (
              <Badge tone={check.error ? 'bad' : check.data ? 'good' : 'neutral'}>
                {check.error ? 'not possible' : check.data ? 'valid' : 'checking'}
              </Badge>
            ) : (
              <Badge tone="bad">{counted(draft.problems.length, 'problem')}</Badge>
            )}
          </span>
        }
      >
        {isSound ? (
          <Loaded query={check} what="The check" rows={6}>
            {(answer) => <Checked answer={answer} />}
          </Loaded>
        ) : (
          <Problems problems={draft.problems} onGo={onGo} />
        )}
      </Card>
      {base && draft.plan && (
        <Card title="What is new" detail="Against the version that this one begins with.">
          <Differences
            sentences={planDifference(base, {
              ...draft.plan,
              parameterCount: check.data?.plan.parameterCount ?? base.parameterCount,
            })}
          />
        </Card>
      )}
    </div>
  );
}

function Checked({ answer: { planHash, plan, summary } }: { readonly answer: CheckedPlan }) {
  return (
    <div className="stack tight">
      <KeyValues
        pairs={[
          ['Hash', <Hash key="hash" value={planHash} what="plan hash" />],
          ['Parameters', counted(plan.parameterCount, 'weight')],
        ]}
      />
      <h3>In plain language</h3>
      <ul className="stack dense">
        {summary.map((sentence) => (
          <li key={sentence}>{sentence}</li>
        ))}
      </ul>
    </div>
  );
}

interface ProblemsProps {
  readonly problems: readonly DraftProblem[];
  readonly onGo: (line: number) => void;
}

function Problems({ problems, onGo }: ProblemsProps) {
  return (
    <ul className="plan-problems">
      {problems.map(({ field, message, line }) => (
        <li key={`${field} ${message}`}>
          <span className="strong mono wrap-anywhere">{field === '' ? 'text' : field}</span>
          <span className="wrap-anywhere">{message}</span>
          {line !== undefined && (
            <button
              type="button"
              className="link-button"
              onClick={() => {
                onGo(line);
              }}
            >
              {`line ${String(line)}`}
            </button>
          )}
        </li>
      ))}
    </ul>
  );
}
