/** A new run of a plan at the end of the queue. */
import { useState } from 'react';
import { useLocation } from 'wouter';
import { Button } from '../../../../shared/ui/button.tsx';
import { useAct, useGet } from '../../../../shared/ui/data.tsx';
import { Dialog } from '../../../../shared/ui/dialog.tsx';
import { Checkbox, Form, Select, TextField } from '../../../../shared/ui/form.tsx';
import { shortDigest } from '../../../../shared/ui/format.ts';
import { Empty, Loaded } from '../../../../shared/ui/states.tsx';
import type { PlanListItem } from '../../../http/api/plan-views.ts';
import type { SiteView } from '../../../http/api/site-views.ts';
import { SITES } from '../../paths.ts';
import { NEW_RUN, PLANS } from '../../run-paths.ts';

interface AddRunProps {
  /** Chosen to begin with. */
  readonly planHash?: string;
  readonly onClose: () => void;
}

export function AddRun({ planHash, onClose }: AddRunProps) {
  const plans = useGet(PLANS, ['plans']);
  const sites = useGet(SITES, ['sites']);
  return (
    <Dialog title="Add a run" onClose={onClose}>
      <Loaded query={plans} what="The plans" rows={5}>
        {({ plans: all }) => {
          const usable = all.filter(({ rounds }) => rounds !== null);
          return usable.length === 0 ? (
            <Empty title="There is no plan to run">Add a plan first.</Empty>
          ) : (
            <RunForm
              plans={usable}
              sites={(sites.data?.sites ?? []).filter(({ status }) => status === 'active')}
              planHash={planHash}
              onClose={onClose}
            />
          );
        }}
      </Loaded>
    </Dialog>
  );
}

interface RunFormProps {
  readonly plans: readonly PlanListItem[];
  readonly sites: readonly SiteView[];
  readonly planHash: string | undefined;
  readonly onClose: () => void;
}

function RunForm({ plans, sites, planHash, onClose }: RunFormProps) {
  const [, navigate] = useLocation();
  const [runId, setRunId] = useState('');
  const [plan, setPlan] = useState(planHash ?? plans[0]?.planHash ?? '');
  const [chosen, setChosen] = useState<ReadonlySet<string>>();
  const add = useAct(
    (api) =>
      api.send('post', NEW_RUN, { runId, planHash: plan, ...(chosen && { sites: [...chosen].sort() }) }),
    {
      done: () => `The run ${runId} is in the queue`,
      then: () => {
        onClose();
        navigate(`/runs/${runId}`);
      },
    },
  );
  const problem = runId === '' ? undefined : runIdProblem(runId);
  const isIncomplete = runId === '' || problem !== undefined || chosen?.size === 0;
  const least = plans.find((one) => one.planHash === plan)?.minimumCohort ?? 1;
  return (
    <Form
      label="Add a run"
      error={add.error}
      onSubmit={() => {
        if (!isIncomplete) add.run().catch(() => undefined);
      }}
    >
      <TextField
        label="Name of the run"
        hint="Small letters, digits and hyphens; it stands in addresses and file names"
        value={runId}
        problem={problem}
        onChange={setRunId}
        isRequired
      />
      <Select
        label="Plan"
        value={plan}
        options={plans.map((one) => ({
          value: one.planHash,
          label: `${one.name} · ${shortDigest(one.planHash)}`,
        }))}
        onChange={setPlan}
      />
      <fieldset className="fieldset">
        <legend>{`Sites (the plan asks for at least ${String(least)} in a round)`}</legend>
        <Checkbox
          label="All active sites, also those that come later"
          isChecked={chosen === undefined}
          onChange={(isAll) => {
            setChosen(isAll ? undefined : new Set(sites.map(({ siteId }) => siteId)));
          }}
        />
        {chosen && (
          <div className="choice-list">
            {sites.map(({ siteId }) => (
              <Checkbox
                key={siteId}
                label={siteId}
                isChecked={chosen.has(siteId)}
                onChange={(isIn) => {
                  const next = new Set(chosen);
                  if (isIn) next.add(siteId);
                  else next.delete(siteId);
                  setChosen(next);
                }}
              />
            ))}
          </div>
        )}
      </fieldset>
      <div className="dialog-foot">
        <Button onPress={onClose}>Cancel</Button>
        <Button
          kind="primary"
          type="submit"
          isBusy={add.isBusy}
          disabledReason={isIncomplete ? 'Give the run a name and at least one site' : undefined}
        >
          Add to the queue
        </Button>
      </div>
    </Form>
  );
}

const NAME = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

const runIdProblem = (runId: string): string | undefined =>
  NAME.test(runId) ? undefined : 'Use 1 to 63 of a–z, 0–9 and inner hyphens';
