/** How long each phase took in each attempt. */
import { formatDuration } from '../../../../shared/format.ts';
import { DataTable, type Column } from '../../../../shared/ui/data-table.tsx';
import { Badge } from '../../../../shared/ui/panels.tsx';
import { Empty } from '../../../../shared/ui/states.tsx';
import type { Timeline } from '../../../http/api/round-views.ts';
import { PHASE_WORDS } from '../../words.ts';
import { roundName, TIMED_PHASES } from './run-words.tsx';

function msIn({ spans }: Timeline, phase: (typeof TIMED_PHASES)[number]): number | undefined {
  const ended = spans.filter((span) => span.phase === phase && span.endMs !== null);
  if (ended.length === 0) return undefined;
  return ended.reduce((sum, { startMs, endMs }) => sum + (endMs ?? startMs) - startMs, 0);
}

const COLUMNS: readonly Column<Timeline>[] = [
  {
    ...{ key: 'round', header: 'Round', isRowHeader: true, width: 130 },
    sortBy: ({ round }) => round,
    cell: ({ round }) => roundName(round),
  },
  {
    ...{ key: 'attempt', header: 'Attempt', isNumber: true, width: 90 },
    cell: ({ attempt }) => attempt,
  },
  {
    ...{ key: 'outcome', header: 'Outcome', width: 120 },
    cell: ({ outcome }) => <Badge tone={outcome === 'aborted' ? 'bad' : 'neutral'}>{outcome}</Badge>,
  },
  ...TIMED_PHASES.map((phase): Column<Timeline> => ({
    ...{ key: phase, header: PHASE_WORDS[phase], isNumber: true, width: 150 },
    sortBy: (timeline) => msIn(timeline, phase) ?? -1,
    cell: (timeline) => {
      const ms = msIn(timeline, phase);
      return ms === undefined ? '–' : formatDuration(ms);
    },
  })),
  {
    ...{ key: 'all', header: 'All', isNumber: true, width: 110 },
    cell: ({ startMs, endMs }) => (endMs === null ? 'going on' : formatDuration(endMs - startMs)),
  },
];

export function PhaseTable({ timelines }: { readonly timelines: readonly Timeline[] }) {
  return (
    <DataTable
      caption="Time by phase"
      rows={timelines}
      columns={COLUMNS}
      rowKey={({ round, attempt }) => `${String(round)}/${String(attempt)}`}
      empty={<Empty title="No round yet">Times appear here once a round has begun.</Empty>}
    />
  );
}
