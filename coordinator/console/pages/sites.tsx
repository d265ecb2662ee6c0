/** The sites of the federation: who asks to join, who takes part, who is invited; and one of them. */
import { useState, type ReactNode } from 'react';
import { Link, Route, Switch } from 'wouter';
import { Page } from '../../../shared/ui/app-shell.tsx';
import { Button } from '../../../shared/ui/button.tsx';
import { useGet } from '../../../shared/ui/data.tsx';
import { DataTable, type Column } from '../../../shared/ui/data-table.tsx';
import { Select, TextField } from '../../../shared/ui/form.tsx';
import { Badge, Card } from '../../../shared/ui/panels.tsx';
import { Empty, Loaded } from '../../../shared/ui/states.tsx';
import type { SiteView } from '../../http/api/site-views.ts';
import { SITES } from '../paths.ts';
import { useRefusal } from '../session.tsx';
import { Connection, disclosed, SiteBadge } from '../sites/site-facts.tsx';
import { InviteDialog } from '../sites/invite-dialog.tsx';
import { Invitations } from '../sites/invitations.tsx';
import { JoinRequests } from '../sites/join-requests.tsx';
import { SitePage } from '../sites/site-page.tsx';

export function SitesPages() {
  return (
    <Switch>
      <Route path="/sites/:siteId">{({ siteId }) => <SitePage key={siteId} siteId={siteId} />}</Route>
      <Route>
        <SitesPage />
      </Route>
    </Switch>
  );
}

function SitesPage() {
  const sites = useGet(SITES, ['sites', 'runs']);
  const [isInviting, setInviting] = useState(false);
  const refusal = useRefusal('inviteSite');
  const invite = (
    <Button
      kind="primary"
      disabledReason={refusal}
      onPress={() => {
        setInviting(true);
      }}
    >
      Invite a site
    </Button>
  );
  return (
    <Page
      title="Sites"
      lead="The hospitals of this federation. Their images stay with them."
      actions={invite}
    >
      <Loaded query={sites} what="The sites" rows={6} rowHeight={44}>
        {({ sites: all }) => (
          <>
            <JoinRequests sites={all.filter(({ status }) => status === 'pending')} />
            <SiteTable sites={all.filter(({ status }) => status !== 'pending')} invite={invite} />
            <Invitations />
          </>
        )}
      </Loaded>
      {isInviting && (
        <InviteDialog
          onClose={() => {
            setInviting(false);
          }}
        />
      )}
    </Page>
  );
}

const COLUMNS: readonly Column<SiteView>[] = [
  {
    ...{ key: 'site', header: 'Site', isRowHeader: true },
    sortBy: ({ siteId }) => siteId,
    cell: ({ siteId }) => <Link href={`/sites/${siteId}`}>{siteId}</Link>,
  },
  {
    ...{ key: 'status', header: 'Status', width: 120 },
    sortBy: ({ status }) => status,
    cell: ({ status }) => <SiteBadge status={status} />,
  },
  {
    ...{ key: 'connection', header: 'Connection', width: 220 },
    sortBy: ({ isConnected, lastContactAt }) => (isConnected ? Infinity : Date.parse(lastContactAt ?? '')),
    cell: (site) => <Connection site={site} />,
  },
  {
    ...{ key: 'run', header: 'In run', width: 120 },
    sortBy: ({ runId }) => runId,
    cell: ({ runId }) =>
      runId === null ? <span className="quiet">–</span> : <Link href={`/runs/${runId}`}>{runId}</Link>,
  },
  {
    ...{ key: 'images', header: 'Images', width: 125, isNumber: true },
    sortBy: ({ counts }) => counts?.images.high,
    cell: ({ counts }) => disclosed(counts?.images),
  },
  {
    ...{ key: 'patients', header: 'Patients', width: 100, isNumber: true },
    sortBy: ({ counts }) => counts?.patients.high,
    cell: ({ counts }) => disclosed(counts?.patients),
  },
  {
    ...{ key: 'program', header: 'Engine', width: 120 },
    sortBy: ({ program }) => program?.engine,
    cell: ({ program }) => program?.engine ?? <span className="quiet">not told</span>,
  },
];

const FILTERS = [
  { value: 'all', label: 'All' },
  { value: 'online', label: 'Online' },
  { value: 'offline', label: 'Active but offline' },
  { value: 'suspended', label: 'Suspended' },
  { value: 'removed', label: 'Removed' },
] as const;
type Filter = (typeof FILTERS)[number]['value'];

function passes({ status, isConnected }: SiteView, filter: Filter): boolean {
  switch (filter) {
    case 'all':
      return status !== 'removed';
    case 'online':
      return isConnected;
    case 'offline':
      return status === 'active' && !isConnected;
    case 'suspended':
    case 'removed':
      return status === filter;
  }
}

interface SiteTableProps {
  readonly sites: readonly SiteView[];
  readonly invite: ReactNode;
}

function SiteTable({ sites, invite }: SiteTableProps) {
  const [text, setText] = useState('');
  const [filter, setFilter] = useState<Filter>('all');
  const shown = sites.filter(
    (site) => site.siteId.includes(text.trim().toLowerCase()) && passes(site, filter),
  );
  const online = sites.filter(({ isConnected }) => isConnected).length;
  return (
    <Card
      title="All sites"
      actions={<Badge tone={online > 0 ? 'good' : 'neutral'}>{`${String(online)} online`}</Badge>}
      isFlush
    >
      {sites.length > 0 && (
        <div className="toolbar card-toolbar">
          <TextField
            label="Name"
            type="search"
            value={text}
            onChange={setText}
            placeholder="Part of a name"
          />
          <Select label="Show" value={filter} options={FILTERS} onChange={setFilter} />
        </div>
      )}
      <DataTable
        caption="Sites"
        rows={shown}
        columns={COLUMNS}
        rowKey={({ siteId }) => siteId}
        initialSorting={{ key: 'site', isDescending: false }}
        empty={
          sites.length === 0 ? (
            <Empty title="No site has joined yet" actions={invite}>
              Invite a site; the text you get is handed to the hospital, which joins with it.
            </Empty>
          ) : (
            <Empty title="No site matches">Change the name or what is shown.</Empty>
          )
        }
      />
    </Card>
  );
}
