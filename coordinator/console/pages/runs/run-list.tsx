/** The queue and all runs that have been. */
import { useState } from 'react';
import { Link } from 'wouter';
import { formatMetric } from '../../../../shared/format.ts';
import { Page } from '../../../../shared/ui/app-shell.tsx';
import { Button } from '../../../../shared/ui/button.tsx';
import { DataTable, type Column } from '../../../../shared/ui/data-table.tsx';
import { useAct, useGet } from '../../../../shared/ui/data.tsx';
import { Icon } from '../../../../shared/ui/icons.tsx';
import { Card } from '../../../../shared/ui/panels.tsx';
import { Empty, Loaded } from '../../../../shared/ui/states.tsx';
import { RelativeTime, Time } from '../../../../shared/ui/values.tsx';
import type { RunListItem } from '../../../http/api/run-views.ts';
import { positionPath, RUNS } from '../../run-paths.ts';
import { useRefusal } from '../../session.tsx';
import { AddRun } from './add-run.tsx';
import { RunControls } from './run-controls.tsx';
import { statusBadge } from './run-words.tsx';
import './runs.css';

const COMMON: readonly Column<RunListItem>[] = [
  {
    ...{ key: 'run', header: 'Run', isRowHeader: true },
    sortBy: ({ runId }) => runId,
    cell: ({ runId }) => <Link href={`/runs/${runId}`}>{runId}</Link>,
  },
  {
    ...{ key: 'plan', header: 'Plan' },
    sortBy: ({ planName }) => planName,
    cell: ({ planName, planHash }) => <Link href={`/plans/${planHash}`}>{planName}</Link>,
  },
  {
    ...{ key: 'status', header: 'Status', width: 120 },
    sortBy: ({ status }) => status,
    cell: ({ status }) => statusBadge(status),
  },
  {
    ...{ key: 'rounds', header: 'Rounds', width: 110, isNumber: true },
    sortBy: ({ roundsDone }) => roundsDone,
    cell: ({ roundsDone, rounds }) =>
      rounds === null ? String(roundsDone) : `${String(roundsDone)} of ${String(rounds)}`,
  },
];

const SCORE: Column<RunListItem> = {
  ...{ key: 'score', header: 'Best AUC', width: 110, isNumber: true },
  sortBy: ({ bestScore }) => bestScore ?? -1,
  cell: ({ bestScore }) => formatMetric(bestScore ?? undefined),
};

const SINCE: Column<RunListItem> = {
  ...{ key: 'since', header: 'Since', width: 150 },
  cell: ({ changedAt }) => <RelativeTime at={changedAt} />,
};

const ENDED: Column<RunListItem> = {
  ...{ key: 'ended', header: 'Ended', width: 224 },
  sortBy: ({ changedAt }) => changedAt,
  cell: ({ changedAt }) => <Time at={changedAt} />,
};

const CONTROLS: Column<RunListItem> = {
  ...{ key: 'controls', header: 'Actions', width: 170 },
  cell: (run) => (
    <span className="row-actions">
      <RunControls run={run} size="small" />
    </span>
  ),
};

const isOpen = ({ status }: RunListItem): boolean => status === 'running' || status === 'paused';

export function RunList() {
  const runs = useGet(RUNS, ['runs', 'run']);
  const [isAdding, setAdding] = useState(false);
  const refusal = useRefusal('addRun');
  const add = (
    <Button
      kind="primary"
      disabledReason={refusal}
      onPress={() => {
        setAdding(true);
      }}
    >
      Add a run
    </Button>
  );
  return (
    <Page
      title="Runs"
      lead="A run carries out a plan, round by round. Runs that share no site are carried out at once."
      actions={add}
    >
      <Loaded query={runs} what="The runs" rows={6} rowHeight={44}>
        {({ runs: all }) =>
          all.length === 0 ? (
            <Empty title="There is no run yet">
              Add one: it waits in the queue until enough sites are connected.
            </Empty>
          ) : (
            <Sections runs={all} />
          )
        }
      </Loaded>
      {isAdding && (
        <AddRun
          onClose={() => {
            setAdding(false);
          }}
        />
      )}
    </Page>
  );
}

function Sections({ runs }: { readonly runs: readonly RunListItem[] }) {
  const open = runs.filter(isOpen);
  const queued = runs
    .filter(({ queuePosition }) => queuePosition !== null)
    .toSorted((a, b) => (a.queuePosition ?? 0) - (b.queuePosition ?? 0));
  const over = runs.filter((run) => !isOpen(run) && run.queuePosition === null);
  const table = (caption: string, rows: readonly RunListItem[], columns: readonly Column<RunListItem>[]) => (
    <DataTable
      caption={caption}
      rows={rows}
      columns={columns}
      rowKey={({ runId }) => runId}
      minWidth={900}
      empty={<Empty title="None">{EMPTY_TEXTS[caption]}</Empty>}
    />
  );
  return (
    <>
      <Card title="Now" isFlush>
        {table('Now', open, [...COMMON, SCORE, SINCE, CONTROLS])}
      </Card>
      <Card title="Queue" detail="The first one begins when the coordinator and its sites are free." isFlush>
        {table('Queue', queued, [position(), ...COMMON, orderColumn(queued), CONTROLS])}
      </Card>
      <Card title="Over" isFlush>
        <DataTable
          caption="Over"
          rows={over}
          columns={[...COMMON, SCORE, ENDED]}
          rowKey={({ runId }) => runId}
          initialSorting={{ key: 'ended', isDescending: true }}
          empty={<Empty title="None">Runs that have finished, failed or been stopped stand here.</Empty>}
        />
      </Card>
    </>
  );
}

const EMPTY_TEXTS: Readonly<Record<string, string>> = {
  Now: 'No run is under way. The next one of the queue begins by itself.',
  Queue: 'No run waits. Add a run to have one carried out.',
};

const position = (): Column<RunListItem> => ({
  ...{ key: 'position', header: 'Place', width: 80, isNumber: true },
  cell: ({ queuePosition }) => queuePosition ?? '–',
});

function orderColumn(queued: readonly RunListItem[]): Column<RunListItem> {
  return {
    ...{ key: 'order', header: 'Order', width: 110 },
    cell: (run) => <Order run={run} queued={queued} />,
  };
}

/** Moves a run by one place: before the one above it, or before the second one below it. */
function Order({ run, queued }: { readonly run: RunListItem; readonly queued: readonly RunListItem[] }) {
  const refusal = useRefusal('moveRun');
  const move = useAct((api, before: string | null) => api.send('put', positionPath(run.runId), { before }));
  const at = queued.findIndex(({ runId }) => runId === run.runId);
  const above = queued[at - 1];
  const isLast = at === queued.length - 1;
  return (
    <span className="cluster">
      <Button
        size="small"
        className="icon"
        label={`Move ${run.runId} up`}
        isBusy={move.isBusy}
        disabledReason={refusal ?? (above ? undefined : 'It is the first')}
        onPress={() => {
          if (above) move.start(above.runId);
        }}
      >
        <Icon name="up" size={14} />
      </Button>
      <Button
        size="small"
        className="icon"
        label={`Move ${run.runId} down`}
        isBusy={move.isBusy}
        disabledReason={refusal ?? (isLast ? 'It is the last' : undefined)}
        onPress={() => {
          move.start(queued[at + 2]?.runId ?? null);
        }}
      >
        <Icon name="down" size={14} />
      </Button>
    </span>
  );
}
