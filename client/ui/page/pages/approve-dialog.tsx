/** The last look before a plan holds: together with the list of sites that take part. */
import { useState } from 'react';
import { useAct } from '../../../../shared/ui/data.tsx';
import { Confirm } from '../../../../shared/ui/dialog.tsx';
import { Checkbox } from '../../../../shared/ui/form.tsx';
import { Note } from '../../../../shared/ui/panels.tsx';
import { ApiError } from '../../../../shared/ui/query.ts';
import type { PlanView, RosterView } from '../../views.ts';
import { approvePath } from '../paths.ts';

interface ApproveProps {
  readonly plan: PlanView;
  readonly roster: RosterView;
  readonly twoPeople: boolean;
  readonly onClose: () => void;
}

export function ApproveDialog({ plan, roster, twoPeople, onClose }: ApproveProps) {
  const [anyway, setAnyway] = useState(false);
  const approve = useAct(
    (api) => api.send('post', approvePath(plan.planHash), { rosterHash: roster.rosterHash, anyway }),
    {
      done: ({ outcome }) =>
        outcome === 'approved'
          ? `Plan ${plan.name} is approved.`
          : 'Your approval is noted; a second person has to approve as well.',
    },
  );
  // Without a scan before, it is known only when the agent has looked.
  const { error } = approve;
  const isMisfit = plan.misfit !== null || (error instanceof ApiError && error.wireCode === 'misfit');
  return (
    <Confirm
      title={`Approve plan ${plan.name}?`}
      action="Approve plan"
      onConfirm={() => approve.run()}
      onClose={onClose}
    >
      <p>
        From the next round on this site trains by this plan whenever the coordinator asks, together with
        these {String(roster.sites.length)} sites: {roster.sites.map(({ siteId }) => siteId).join(', ')}.
      </p>
      {roster.difference.length > 0 && (
        <Note tone="warn" title="The list of sites has changed">
          {roster.difference.map((line) => (
            <p key={line}>{line}</p>
          ))}
        </Note>
      )}
      {twoPeople && <p>The policy asks for two people: it holds when the second one has approved.</p>}
      {isMisfit && (
        <Checkbox
          label="Approve although the images here do not fit"
          isChecked={anyway}
          onChange={setAnyway}
        />
      )}
      <p className="quiet small">The approval is entered in the ledger, signed with the key of this site.</p>
    </Confirm>
  );
}
