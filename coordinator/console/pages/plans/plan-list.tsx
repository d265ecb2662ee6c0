/** All plans, with how many sites have approved each. */
import { Link } from 'wouter';
import { Page } from '../../../../shared/ui/app-shell.tsx';
import { DataTable, type Column } from '../../../../shared/ui/data-table.tsx';
import { useGet } from '../../../../shared/ui/data.tsx';
import { Badge } from '../../../../shared/ui/panels.tsx';
import { Empty, Loaded } from '../../../../shared/ui/states.tsx';
import { Time } from '../../../../shared/ui/values.tsx';
import type { PlanListItem } from '../../../http/api/plan-views.ts';
import { PLANS } from '../../run-paths.ts';
import { useRefusal } from '../../session.tsx';
import { protectionBadge } from './plan-words.tsx';

const COLUMNS: readonly Column<PlanListItem>[] = [
  {
    key: 'name',
    header: 'Plan',
    isRowHeader: true,
    sortBy: ({ name }) => name,
    cell: ({ name, planHash }) => <Link href={`/plans/${planHash}`}>{name}</Link>,
  },
  {
    ...{ key: 'hash', header: 'Hash', width: 140 },
    cell: ({ planHash }) => <span className="mono">{`${planHash.slice(0, 12)}…`}</span>,
  },
  {
    ...{ key: 'rounds', header: 'Rounds', width: 85, isNumber: true },
    sortBy: ({ rounds }) => rounds ?? -1,
    cell: ({ rounds }) => rounds ?? '–',
  },
  {
    ...{ key: 'protection', header: 'Protection', width: 175 },
    cell: ({ protection }) =>
      protection === null ? <Badge tone="warn">other protocol version</Badge> : protectionBadge(protection),
  },
  {
    ...{ key: 'approvals', header: 'Approved by', width: 135, isNumber: true },
    sortBy: ({ approvals }) => approvals,
    cell: ({ approvals, activeSites }) => `${String(approvals)} of ${String(activeSites)} sites`,
  },
  {
    ...{ key: 'runs', header: 'Runs', width: 70, isNumber: true },
    sortBy: ({ runs }) => runs,
    cell: ({ runs }) => runs,
  },
  {
    ...{ key: 'added', header: 'Added', width: 224 },
    sortBy: ({ addedAt }) => addedAt,
    cell: ({ addedAt }) => <Time at={addedAt} />,
  },
];

export function PlanList() {
  const plans = useGet(PLANS, ['plans', 'sites']);
  const refusal = useRefusal('addPlan');
  const add =
    refusal === undefined ? (
      <Link className="button primary" href="/plans/new">
        New plan
      </Link>
    ) : undefined;
  return (
    <Page
      title="Plans"
      lead="A plan is everything that defines a training. Sites approve it by its hash, so that nothing in it can change later."
      actions={add}
    >
      <Loaded query={plans} what="The plans" rows={6} rowHeight={44}>
        {({ plans: rows }) => (
          <DataTable
            caption="Plans"
            rows={rows}
            columns={COLUMNS}
            rowKey={({ planHash }) => planHash}
            minWidth={940}
            initialSorting={{ key: 'added', isDescending: true }}
            empty={
              <Empty title="There is no plan yet" actions={add}>
                {refusal ??
                  'Write the first one: what is trained, how, by how many sites and how it is protected.'}
              </Empty>
            }
          />
        )}
      </Loaded>
    </Page>
  );
}
