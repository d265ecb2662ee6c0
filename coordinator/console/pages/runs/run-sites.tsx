/** What each site has done in a run: rounds, bytes, time, why it was dropped; and its images by class where known. */
import { Link } from 'wouter';
import { HeatMap } from '../../../../shared/ui/charts/heat-map.tsx';
import { DataTable, type Column } from '../../../../shared/ui/data-table.tsx';
import { useGet } from '../../../../shared/ui/data.tsx';
import { counted } from '../../../../shared/ui/format.ts';
import { Card } from '../../../../shared/ui/panels.tsx';
import { Empty, Loaded } from '../../../../shared/ui/states.tsx';
import { Bytes, Duration } from '../../../../shared/ui/values.tsx';
import type { PartitionView, RunSite } from '../../../http/api/run-views.ts';
import { partitionPath, runSitesPath } from '../../run-paths.ts';
import { DROP_WORDS, PHASE_WORDS } from '../../words.ts';
import { roundName } from './run-words.tsx';

type Drop = RunSite['drops'][number];

function dropText({ round, attempt, phase, reason }: Drop): string {
  const where = phase === null ? '' : ` in ${PHASE_WORDS[phase].toLowerCase()}`;
  return `${roundName(round)}, attempt ${String(attempt)}${where}: ${DROP_WORDS[reason].label}`;
}

function Drops({ drops }: { readonly drops: readonly Drop[] }) {
  const last = drops.at(-1);
  if (!last) return <span className="quiet">none</span>;
  if (drops.length === 1) return <>{dropText(last)}</>;
  return (
    <span title={drops.map(dropText).join('\n')}>{`${String(drops.length)}; last ${dropText(last)}`}</span>
  );
}

const COLUMNS: readonly Column<RunSite>[] = [
  {
    ...{ key: 'site', header: 'Site', isRowHeader: true, width: 170 },
    sortBy: ({ siteId }) => siteId,
    cell: ({ siteId }) => <Link href={`/sites/${siteId}`}>{siteId}</Link>,
  },
  {
    ...{ key: 'rounds', header: 'In rounds', isNumber: true, width: 100 },
    sortBy: ({ roundsIn }) => roundsIn,
    cell: ({ roundsIn }) => roundsIn,
  },
  {
    ...{ key: 'attempts', header: 'Attempts', isNumber: true, width: 100 },
    sortBy: ({ attempts }) => attempts,
    cell: ({ attempts }) => attempts,
  },
  {
    ...{ key: 'up', header: 'Sent', isNumber: true, width: 100 },
    sortBy: ({ bytesUp }) => bytesUp,
    cell: ({ bytesUp }) => <Bytes value={bytesUp} />,
  },
  {
    ...{ key: 'down', header: 'Received', isNumber: true, width: 110 },
    sortBy: ({ bytesDown }) => bytesDown,
    cell: ({ bytesDown }) => <Bytes value={bytesDown} />,
  },
  {
    ...{ key: 'seconds', header: 'Waited for', isNumber: true, width: 130 },
    sortBy: ({ seconds }) => seconds,
    cell: ({ seconds }) => <Duration ms={1000 * seconds} />,
  },
  {
    ...{ key: 'drops', header: 'Dropped', wraps: true },
    sortBy: ({ drops }) => drops.length,
    cell: ({ drops }) => <Drops drops={drops} />,
  },
];

export function RunSites({ runId }: { readonly runId: string }) {
  const topics = [`run:${runId}`];
  const sites = useGet(runSitesPath(runId), topics);
  const partition = useGet(partitionPath(runId), [...topics, 'sites']);
  return (
    <div className="stack">
      <Card
        title="Sites"
        detail="Over all rounds so far. “Waited for” is the time in which the coordinator waited for the site."
        isFlush
      >
        <Loaded query={sites} what="The sites of the run" rows={5} rowHeight={44}>
          {({ sites: rows }) => (
            <DataTable
              caption="Sites of the run"
              rows={rows}
              columns={COLUMNS}
              rowKey={({ siteId }) => siteId}
              initialSorting={{ key: 'site', isDescending: false }}
              empty={
                <Empty title="No site has taken part yet">
                  A round begins once enough sites that have approved the plan are connected.
                </Empty>
              }
            />
          )}
        </Loaded>
      </Card>
      <Card title="Images by class and site" detail="Only of sites whose policy discloses exact numbers.">
        <Loaded query={partition} what="The classes of the sites" rows={3} rowHeight={44}>
          {({ partition: known }) => <Partition runId={runId} partition={known} />}
        </Loaded>
      </Card>
    </div>
  );
}

interface PartitionProps {
  readonly runId: string;
  readonly partition: PartitionView['partition'];
}

function Partition({ runId, partition }: PartitionProps) {
  if (!partition || partition.sites.length === 0)
    return (
      <Empty title="No site discloses its numbers">
        A site decides in its policy whether it tells how many images of each class it has.
      </Empty>
    );
  const { classNames, sites, unknown } = partition;
  return (
    <HeatMap
      title="Training images"
      {...(unknown.length > 0 && {
        description: `Not disclosed by ${counted(unknown.length, 'site')}: ${unknown.join(', ')}.`,
      })}
      fileName={`${runId}-partition`}
      rowTitle="Site"
      columnTitle="Class"
      columns={classNames}
      rows={sites.map(({ siteId, images }) => ({ label: siteId, values: images }))}
      empty="Not disclosed."
    />
  );
}
