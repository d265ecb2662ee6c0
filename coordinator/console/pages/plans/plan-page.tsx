/** One plan: in plain language, who has approved it, what is new in it against another one, and its text. */
import { useState } from 'react';
import { Link, useLocation } from 'wouter';
import { Page } from '../../../../shared/ui/app-shell.tsx';
import { Button } from '../../../../shared/ui/button.tsx';
import { downloadText } from '../../../../shared/ui/charts/download.ts';
import { DataTable } from '../../../../shared/ui/data-table.tsx';
import { useAct, useGet } from '../../../../shared/ui/data.tsx';
import { Confirm } from '../../../../shared/ui/dialog.tsx';
import { counted } from '../../../../shared/ui/format.ts';
import { Card, KeyValues } from '../../../../shared/ui/panels.tsx';
import { Empty, Loaded } from '../../../../shared/ui/states.tsx';
import { Hash, Time } from '../../../../shared/ui/values.tsx';
import type { PlanDetail } from '../../../http/api/plan-views.ts';
import { planPath } from '../../run-paths.ts';
import { useRefusal } from '../../session.tsx';
import { AddRun } from '../runs/add-run.tsx';
import './plans.css';
import { PlanVersions } from './plan-versions.tsx';
import { decisionBadge, protectionBadge } from './plan-words.tsx';

const PARENT = { path: '/plans', label: 'Plans' };

export function PlanPage({ planHash }: { readonly planHash: string }) {
  const detail = useGet(planPath(planHash), ['plans', 'sites', 'runs']);
  const name = detail.data?.plan.task.name ?? 'Plan';
  return (
    <Page
      title={name}
      parent={PARENT}
      lead={<Hash value={planHash} what="plan hash" chars={24} />}
      actions={detail.data && <Actions detail={detail.data} />}
    >
      <Loaded query={detail} what="The plan" rows={5} rowHeight={80}>
        {(answer) => <PlanContent detail={answer} />}
      </Loaded>
    </Page>
  );
}

function Actions({ detail: { planHash, plan, isRemovable } }: { readonly detail: PlanDetail }) {
  const [, navigate] = useLocation();
  const [open, setOpen] = useState<'run' | 'remove'>();
  const mayEdit = useRefusal('addPlan');
  const mayRemove = useRefusal('removePlan');
  const mayRun = useRefusal('addRun');
  const remove = useAct((api) => api.send('delete', planPath(planHash)), {
    done: () => `The plan “${plan.task.name}” is removed`,
    then: () => {
      navigate('/plans');
    },
  });
  const close = (): void => {
    setOpen(undefined);
  };
  return (
    <>
      <Button
        kind="danger"
        disabledReason={
          mayRemove ?? (isRemovable ? undefined : 'A run has used it: it is part of the record')
        }
        onPress={() => {
          setOpen('remove');
        }}
      >
        Remove
      </Button>
      <Button
        disabledReason={mayEdit}
        onPress={() => {
          navigate(`/plans/new/${planHash}`);
        }}
      >
        New version
      </Button>
      <Button
        kind="primary"
        disabledReason={mayRun}
        onPress={() => {
          setOpen('run');
        }}
      >
        Add a run
      </Button>
      {open === 'remove' && (
        <Confirm
          title={`Remove “${plan.task.name}”?`}
          action="Remove plan"
          isDangerous
          onConfirm={() => remove.run()}
          onClose={close}
        >
          <p>
            No run has used this plan. Sites that have approved it keep their approval in their own record.
          </p>
        </Confirm>
      )}
      {open === 'run' && <AddRun planHash={planHash} onClose={close} />}
    </>
  );
}

function PlanContent({ detail }: { readonly detail: PlanDetail }) {
  const { plan, summary, sites, runs, addedAt, text } = detail;
  const approved = sites.filter(({ decision }) => decision === 'approved').length;
  const { federation, protection } = plan;
  return (
    <>
      <div className="columns-main">
        <Card title="In plain language" detail="What every site reads before it approves.">
          <ul className="stack dense">
            {summary.map((sentence) => (
              <li key={sentence}>{sentence}</li>
            ))}
          </ul>
        </Card>
        <Card title="Facts">
          <KeyValues
            pairs={[
              ['Protection', protectionBadge(protection.mode)],
              ['Rounds', String(federation.rounds)],
              ['Minimum cohort', counted(federation.minimumCohort, 'site')],
              ['Minimum survivors', counted(federation.minimumSurvivors, 'site')],
              ['Strategy', federation.strategy.name],
              ['Parameters', counted(plan.parameterCount, 'weight')],
              ['Added', <Time key="added" at={addedAt} />],
            ]}
          />
        </Card>
      </div>
      <div className="grid">
        <Card
          title="Approvals"
          detail={`${String(approved)} of ${counted(sites.length, 'active site')} have approved this plan.`}
          isFlush
        >
          <DataTable
            caption="Approvals by site"
            rows={sites}
            rowKey={({ siteId }) => siteId}
            columns={[
              {
                ...{ key: 'site', header: 'Site', isRowHeader: true },
                sortBy: ({ siteId }) => siteId,
                cell: ({ siteId }) => <Link href={`/sites/${siteId}`}>{siteId}</Link>,
              },
              {
                ...{ key: 'decision', header: 'Decision', width: 150 },
                sortBy: ({ decision }) => decision,
                cell: ({ decision }) => decisionBadge(decision),
              },
            ]}
            empty={<Empty title="No site is active">Approve an enrolled site on the page of sites.</Empty>}
          />
        </Card>
        <Card title="Runs" detail="What has been carried out by this plan.">
          {runs.length === 0 ? (
            <Empty title="No run yet">
              Add a run once enough sites have approved; sites that have not are left out of its rounds.
            </Empty>
          ) : (
            <ul className="stack dense">
              {runs.map((runId) => (
                <li key={runId}>
                  <Link href={`/runs/${runId}`}>{runId}</Link>
                </li>
              ))}
            </ul>
          )}
        </Card>
      </div>
      <PlanVersions detail={detail} />
      <Card
        title="Text"
        detail="Complete, with every default filled in. A new version begins with it."
        actions={
          <Button
            size="small"
            onPress={() => {
              downloadText(text, `${detail.planHash.slice(0, 12)}.yaml`, 'application/yaml');
            }}
          >
            Save as YAML
          </Button>
        }
      >
        <pre tabIndex={0} aria-label="Text of the plan" className="plan-text">
          {text}
        </pre>
      </Card>
    </>
  );
}
