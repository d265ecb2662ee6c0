/** Invitations that nobody has used yet. */
import { useState } from 'react';
import { Button } from '../../../shared/ui/button.tsx';
import { useAct, useGet } from '../../../shared/ui/data.tsx';
import { DataTable, type Column } from '../../../shared/ui/data-table.tsx';
import { Confirm } from '../../../shared/ui/dialog.tsx';
import { Badge, Card } from '../../../shared/ui/panels.tsx';
import { Loaded } from '../../../shared/ui/states.tsx';
import { RelativeTime, Time } from '../../../shared/ui/values.tsx';
import type { InvitationView } from '../../http/api/site-views.ts';
import { INVITATIONS, invitationPath } from '../paths.ts';
import { useMayRead, useRefusal } from '../session.tsx';

export function Invitations() {
  return useMayRead('listInvitations') ? <Open /> : null;
}

function Open() {
  const invitations = useGet(INVITATIONS, ['sites']);
  const [asked, setAsked] = useState<InvitationView>();
  const refusal = useRefusal('withdrawInvitation');
  const withdraw = useAct((api, { id }: InvitationView) => api.send('delete', invitationPath(id)), {
    done: (_answer, { siteId }) => `The invitation of ${siteId} is withdrawn.`,
  });
  const columns: readonly Column<InvitationView>[] = [
    { key: 'site', header: 'For', isRowHeader: true, cell: ({ siteId }) => siteId },
    {
      ...{ key: 'made', header: 'Made', width: 220 },
      cell: ({ createdAt }) => <Time at={createdAt} ifNever="not written down" />,
    },
    {
      ...{ key: 'expires', header: 'Works', width: 200 },
      cell: ({ isExpired, expiresAt }) =>
        isExpired ? (
          <Badge>expired</Badge>
        ) : (
          <span>
            expires <RelativeTime at={expiresAt} />
          </span>
        ),
    },
    {
      ...{ key: 'act', header: 'Withdraw', width: 140 },
      cell: (invitation) => (
        <Button
          size="small"
          disabledReason={refusal}
          label={`Withdraw the invitation of ${invitation.siteId}`}
          onPress={() => {
            setAsked(invitation);
          }}
        >
          Withdraw…
        </Button>
      ),
    },
  ];
  return (
    <Card title="Open invitations" detail="Texts that were made and not used yet." isFlush>
      <Loaded query={invitations} what="The invitations" rows={1} rowHeight={44}>
        {({ invitations: all }) => (
          <DataTable
            caption="Open invitations"
            rows={all}
            columns={columns}
            rowKey={({ id }) => id}
            empty={<p className="card-empty quiet">None is open. A new one is made with “Invite a site”.</p>}
          />
        )}
      </Loaded>
      {asked && (
        <Confirm
          title={`Withdraw the invitation of ${asked.siteId}?`}
          action="Withdraw invitation"
          isDangerous
          onConfirm={() => withdraw.run(asked)}
          onClose={() => {
            setAsked(undefined);
          }}
        >
          <p>The text that was handed over does not work any more. You can make another one.</p>
        </Confirm>
      )}
    </Card>
  );
}
