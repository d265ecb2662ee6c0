/** One site: who it is, what it tells of itself, how its rounds went, which plans it has approved. */
import { Link } from 'wouter';
import { Page } from '../../../shared/ui/app-shell.tsx';
import { useGet } from '../../../shared/ui/data.tsx';
import { DataTable, type Column } from '../../../shared/ui/data-table.tsx';
import { count } from '../../../shared/ui/format.ts';
import { Badge, Card, KeyValues, type Tone } from '../../../shared/ui/panels.tsx';
import { Empty, Loaded } from '../../../shared/ui/states.tsx';
import { CopyText, Hash, RelativeTime, Time } from '../../../shared/ui/values.tsx';
import type { Decision, SiteDetail, SiteView } from '../../http/api/site-views.ts';
import { sitePath } from '../paths.ts';
import { SiteActions } from './site-actions.tsx';
import { Connection, disclosed, SiteBadge } from './site-facts.tsx';
import { SiteRounds } from './site-rounds.tsx';

export function SitePage({ siteId }: { readonly siteId: string }) {
  const detail = useGet(sitePath(siteId), ['sites', 'run', 'runs', 'plans']);
  return (
    <Page
      title={siteId}
      parent={{ path: '/sites', label: 'Sites' }}
      actions={detail.data && <SiteActions site={detail.data.site} />}
    >
      <Loaded query={detail} what={`The site ${siteId}`} rows={6} rowHeight={60}>
        {(answer) => <Content detail={answer} />}
      </Loaded>
    </Page>
  );
}

function Content({ detail: { site, rounds, plans } }: { readonly detail: SiteDetail }) {
  return (
    <>
      <div className="grid">
        <Membership site={site} />
        <Told site={site} />
      </div>
      <SiteRounds rounds={rounds} />
      <Decisions plans={plans} />
    </>
  );
}

function Membership({ site }: { readonly site: SiteView }) {
  return (
    <Card title="Membership" actions={<SiteBadge status={site.status} />}>
      <KeyValues
        pairs={[
          ['Fingerprint', <CopyText key="f" text={site.fingerprint} what="fingerprint" />],
          ['Connection', <Connection key="c" site={site} />],
          ['Last contact', <RelativeTime key="l" at={site.lastContactAt} />],
          ['In run', site.runId === null ? 'none' : <Link href={`/runs/${site.runId}`}>{site.runId}</Link>],
          ['Joined', <Time key="j" at={site.enrolledAt} />],
          ['Status since', <Time key="s" at={site.changedAt} />],
        ]}
      />
    </Card>
  );
}

function Told({ site: { program, counts, toldAt } }: { readonly site: SiteView }) {
  return (
    <Card title="As the site tells" detail="What its policy discloses; the coordinator cannot check it.">
      {toldAt === null ? (
        <p className="quiet">
          It has told nothing yet. Once its agent is connected, what its policy discloses is shown here.
        </p>
      ) : (
        <KeyValues
          pairs={[
            ['Images', disclosed(counts?.images)],
            ['Patients', disclosed(counts?.patients)],
            [
              'Classes',
              counts?.classes?.map(({ name, images }) => `${name}: ${count(images)} images`).join(', '),
            ],
            ['Engine', program?.engine ?? 'not told'],
            ['Device', program?.device ?? 'not told'],
            ['Agent version', program?.version ?? 'not told'],
            ['Told', <RelativeTime key="t" at={toldAt} />],
          ]}
        />
      )}
    </Card>
  );
}

const DECISIONS: Readonly<Record<Decision, readonly [Tone, string]>> = {
  approved: ['good', 'Approved'],
  refused: ['bad', 'Declined'],
  open: ['neutral', 'Not decided, or not told'],
};

type PlanLine = SiteDetail['plans'][number];

const PLAN_COLUMNS: readonly Column<PlanLine>[] = [
  {
    ...{ key: 'plan', header: 'Plan', isRowHeader: true },
    sortBy: ({ name }) => name,
    cell: ({ name, planHash }) => <Link href={`/plans/${planHash}`}>{name}</Link>,
  },
  {
    ...{ key: 'hash', header: 'Hash', width: 200 },
    cell: ({ planHash }) => <Hash value={planHash} what="hash of the plan" />,
  },
  {
    ...{ key: 'decision', header: 'Decision of the site', width: 230 },
    sortBy: ({ decision }) => decision,
    cell: ({ decision }) => {
      const [tone, words] = DECISIONS[decision];
      return <Badge tone={tone}>{words}</Badge>;
    },
  },
];

function Decisions({ plans }: { readonly plans: readonly PlanLine[] }) {
  return (
    <Card title="Plans" detail="Only the hospital itself approves or declines a plan." isFlush>
      <DataTable
        caption="Plans and what the site has decided"
        rows={plans}
        columns={PLAN_COLUMNS}
        rowKey={({ planHash }) => planHash}
        empty={<Empty title="There is no plan yet">Add one under Plans; then every site is asked.</Empty>}
      />
    </Card>
  );
}
