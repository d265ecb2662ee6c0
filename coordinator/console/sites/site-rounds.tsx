/** The last rounds of a site: how each ended, what was sent, and how long each phase waited for it. */
import { Link } from 'wouter';
import { DataTable, type Column } from '../../../shared/ui/data-table.tsx';
import { bytes, duration } from '../../../shared/ui/format.ts';
import { Badge, Card } from '../../../shared/ui/panels.tsx';
import { Empty } from '../../../shared/ui/states.tsx';
import { Bytes, Time } from '../../../shared/ui/values.tsx';
import type { SiteRound } from '../../http/api/round-views.ts';
import { DROP_WORDS, PHASE_WORDS, SITE_STATE_WORDS } from '../words.ts';

/** How long it was waited for, all phases together; a phase that goes on does not count yet. */
function spentMs({ spans }: SiteRound): number {
  return spans.reduce((sum, { startMs, endMs }) => sum + (endMs === null ? 0 : endMs - startMs), 0);
}

const phasesOf = ({ spans }: SiteRound): string =>
  spans
    .filter((span) => span.endMs !== null)
    .map(({ phase, startMs, endMs }) => `${PHASE_WORDS[phase]} ${duration((endMs ?? startMs) - startMs)}`)
    .join(', ');

const COLUMNS: readonly Column<SiteRound>[] = [
  {
    ...{ key: 'round', header: 'Round', isRowHeader: true, width: 210 },
    cell: ({ runId, round, attempt }) => (
      <>
        <Link href={`/runs/${runId}`}>{runId}</Link>
        {` · ${round === 0 ? 'counts' : String(round)}${attempt > 1 ? `, attempt ${String(attempt)}` : ''}`}
      </>
    ),
  },
  {
    ...{ key: 'start', header: 'Began', width: 215 },
    sortBy: ({ startMs }) => startMs,
    cell: ({ startMs }) => <Time at={startMs} />,
  },
  {
    ...{ key: 'state', header: 'Outcome', width: 210 },
    sortBy: ({ state, reason }) => `${state} ${reason ?? ''}`,
    cell: ({ state, reason }) => (
      <span title={reason === null ? undefined : DROP_WORDS[reason].advice}>
        <Badge tone={SITE_STATE_WORDS[state].tone}>
          {reason === null
            ? SITE_STATE_WORDS[state].label
            : `Dropped: ${DROP_WORDS[reason].label.toLowerCase()}`}
        </Badge>
      </span>
    ),
  },
  {
    ...{ key: 'up', header: 'Received', width: 100, isNumber: true },
    sortBy: ({ bytesUp }) => bytesUp,
    cell: ({ bytesUp }) => <Bytes value={bytesUp} />,
  },
  {
    ...{ key: 'down', header: 'Sent', width: 100, isNumber: true },
    sortBy: ({ bytesDown }) => bytesDown,
    cell: ({ bytesDown }) => <Bytes value={bytesDown} />,
  },
  {
    ...{ key: 'time', header: 'Waited for it', width: 130, isNumber: true },
    sortBy: spentMs,
    cell: (round) => duration(spentMs(round)),
  },
  {
    ...{ key: 'phases', header: 'In the phases' },
    cell: (round) => <span title={phasesOf(round)}>{phasesOf(round) || '–'}</span>,
  },
];

export function SiteRounds({ rounds }: { readonly rounds: readonly SiteRound[] }) {
  const up = rounds.reduce((sum, { bytesUp }) => sum + bytesUp, 0);
  return (
    <Card
      title="Last rounds"
      detail={`Up to 100, newest first; received and sent by the coordinator. Together ${bytes(up)} came from this site.`}
      isFlush
    >
      <DataTable
        caption="Last rounds of the site"
        rows={rounds}
        columns={COLUMNS}
        rowKey={({ runId, round, attempt }) => `${runId} ${String(round)} ${String(attempt)}`}
        minWidth={1150}
        empty={
          <Empty title="It has not been in a round yet">
            A round begins when a run is started and enough active sites that have approved its plan are
            online.
          </Empty>
        }
      />
    </Card>
  );
}
