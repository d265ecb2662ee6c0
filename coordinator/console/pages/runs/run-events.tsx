/** What happened in a run, newest first, in sentences. */
import { useInfiniteQuery } from '@tanstack/react-query';
import { Button } from '../../../../shared/ui/button.tsx';
import { DataTable, type Column } from '../../../../shared/ui/data-table.tsx';
import { useApi } from '../../../../shared/ui/data.tsx';
import { Badge, Card, type Tone } from '../../../../shared/ui/panels.tsx';
import { Empty, ErrorPanel, Loading } from '../../../../shared/ui/states.tsx';
import { Time } from '../../../../shared/ui/values.tsx';
import type { RunEvent } from '../../../http/api/run-views.ts';
import { eventsPath } from '../../run-paths.ts';
import { roundName } from './run-words.tsx';

const SEVERITIES: Readonly<Record<RunEvent['severity'], Tone>> = {
  info: 'neutral',
  warning: 'warn',
  error: 'bad',
};

const COLUMNS: readonly Column<RunEvent>[] = [
  {
    ...{ key: 'at', header: 'Time', width: 250 },
    cell: ({ at }) => <Time at={at} parts="second" />,
  },
  {
    ...{ key: 'severity', header: 'Kind', width: 100 },
    cell: ({ severity }) => <Badge tone={SEVERITIES[severity]}>{severity}</Badge>,
  },
  {
    ...{ key: 'round', header: 'Round', width: 120 },
    cell: ({ round }) => (round === null ? '' : roundName(round)),
  },
  {
    ...{ key: 'text', header: 'What happened', isRowHeader: true },
    cell: ({ text }) => <span title={text}>{text}</span>,
  },
];

export function RunEvents({ runId }: { readonly runId: string }) {
  const api = useApi();
  const events = useInfiniteQuery({
    queryKey: [eventsPath(runId), 'pages'],
    queryFn: ({ pageParam, signal }) => api.get(eventsPath(runId, pageParam), signal),
    initialPageParam: undefined as number | undefined,
    getNextPageParam: ({ next }) => next ?? undefined,
    meta: { topics: [`run:${runId}`] },
  });
  if (events.error)
    return (
      <ErrorPanel
        error={events.error}
        what="The events"
        onRetry={() => {
          void events.refetch();
        }}
      />
    );
  if (!events.data) return <Loading what="the events" rows={8} rowHeight={44} />;
  const rows = events.data.pages.flatMap((page) => page.events);
  const total = events.data.pages[0]?.total ?? rows.length;
  const more = (): void => {
    if (events.hasNextPage && !events.isFetchingNextPage) void events.fetchNextPage();
  };
  return (
    <Card
      title="Events"
      detail={`${String(rows.length)} of ${String(total)}, newest first.`}
      actions={
        events.hasNextPage ? (
          <Button size="small" isBusy={events.isFetchingNextPage} onPress={more}>
            Load older ones
          </Button>
        ) : undefined
      }
      isFlush
    >
      <DataTable
        caption="Events of the run"
        rows={rows}
        columns={COLUMNS}
        rowKey={({ sequence }) => String(sequence)}
        minWidth={820}
        onNearEnd={more}
        empty={<Empty title="Nothing has happened yet">Events appear here while the run goes on.</Empty>}
      />
    </Card>
  );
}
