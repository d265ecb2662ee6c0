/** The list of sites that a plan is approved with: whom this hospital would train together with. */
import { DataTable } from '../../../../shared/ui/data-table.tsx';
import { Badge, Card, Note } from '../../../../shared/ui/panels.tsx';
import { CopyText } from '../../../../shared/ui/values.tsx';
import type { RosterView } from '../../views.ts';

export function RosterCard({ roster }: { readonly roster: RosterView }) {
  return (
    <Card
      title={
        <span className="cluster">
          Sites of the federation{' '}
          <Badge tone={roster.isAccepted ? 'good' : 'warn'}>
            {roster.isAccepted ? 'accepted here' : 'not accepted yet'}
          </Badge>
        </span>
      }
      detail="Approving a plan accepts this list. Masked rounds with any other list are refused."
      isFlush
    >
      {roster.difference.length > 0 && (
        <div className="card-note">
          <Note tone="warn" title="Changed since the last approval: approve a plan again to accept it">
            {roster.difference.map((line) => (
              <p key={line}>{line}</p>
            ))}
          </Note>
        </div>
      )}
      <DataTable
        caption="Sites of the federation"
        minWidth={600}
        rows={roster.sites}
        rowKey={({ siteId }) => siteId}
        empty={null}
        columns={[
          { key: 'site', header: 'Site', isRowHeader: true, width: 140, cell: ({ siteId }) => siteId },
          {
            key: 'fingerprint',
            header: 'Fingerprint of its key',
            cell: ({ fingerprint, siteId }) => (
              <CopyText text={fingerprint} what={`fingerprint of ${siteId}`} />
            ),
          },
        ]}
      />
    </Card>
  );
}
