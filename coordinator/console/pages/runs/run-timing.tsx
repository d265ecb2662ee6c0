/** Where the time goes, site by site and phase by phase, and how many bytes travel. */
import { useQueries } from '@tanstack/react-query';
import { useMemo, useState, type ReactNode } from 'react';
import { formatNumber } from '../../../../shared/format.ts';
import { systemClock } from '../../../../shared/clock.ts';
import { ChartCard } from '../../../../shared/ui/charts/chart-card.tsx';
import { CurveChart } from '../../../../shared/ui/charts/curve-chart.tsx';
import { PhaseTimeline } from '../../../../shared/ui/charts/phase-timeline.tsx';
import type { TimelineSpan } from '../../../../shared/ui/charts/timeline-layout.ts';
import { useApi, useGet } from '../../../../shared/ui/data.tsx';
import { Select } from '../../../../shared/ui/form.tsx';
import { Card } from '../../../../shared/ui/panels.tsx';
import { Loaded } from '../../../../shared/ui/states.tsx';
import { useNow } from '../../../../shared/ui/values.tsx';
import type { Timeline } from '../../../http/api/round-views.ts';
import type { AttemptItem, RoundPoint } from '../../../http/api/run-views.ts';
import { attemptsPath, timelinePath } from '../../run-paths.ts';
import { PhaseTable } from './phase-table.tsx';
import { DROP_WORDS, PHASE_WORDS } from '../../words.ts';
import { roundName, TIMED_PHASES } from './run-words.tsx';

/** Attempts that are shown at once. */
const LATEST = 5;
const WHOLE_ROUND = 'The round';
const PHASES = TIMED_PHASES.map((phase) => ({ phase, label: PHASE_WORDS[phase] }));

interface RunTimingProps {
  readonly runId: string;
  readonly points: readonly RoundPoint[];
}

export function RunTiming({ runId, points }: RunTimingProps) {
  const attempts = useGet(attemptsPath(runId), [`run:${runId}`]);
  return (
    <div className="stack">
      <Loaded query={attempts} what="The attempts" rows={1} rowHeight={420}>
        {({ attempts: all }) => <Timelines runId={runId} attempts={all} />}
      </Loaded>
      <Traffic runId={runId} points={points} />
    </div>
  );
}

const nameOf = ({ round, attempt, outcome }: AttemptItem): string =>
  `${roundName(round)}, attempt ${String(attempt)} (${outcome})`;
const keyOf = ({ round, attempt }: AttemptItem): string => `${String(round)}/${String(attempt)}`;

interface TimelinesProps {
  readonly runId: string;
  readonly attempts: readonly AttemptItem[];
}

function Timelines({ runId, attempts }: TimelinesProps) {
  const api = useApi();
  const [which, setWhich] = useState('latest');
  const kept = attempts
    .filter(({ hasTimeline }) => hasTimeline)
    .toSorted((a, b) => b.round - a.round || b.attempt - a.attempt);
  const chosen = which === 'latest' ? kept.slice(0, LATEST) : kept.filter((one) => keyOf(one) === which);
  const { timelines, isPending } = useQueries({
    queries: chosen.map(({ round, attempt, outcome }) => ({
      queryKey: [timelinePath(runId, round, attempt)],
      queryFn: ({ signal }: { signal: AbortSignal }) => api.get(timelinePath(runId, round, attempt), signal),
      // What is over does not change.
      ...(outcome === 'running' ? { meta: { topics: [`run:${runId}`] } } : { staleTime: Infinity }),
    })),
    combine: (results) => ({
      timelines: results.flatMap(({ data }) => (data ? [data] : [])),
      isPending: results.some((result) => result.isPending),
    }),
  });
  return (
    <>
      <Card
        title="Phases by site"
        detail="When each site was asked for something, and when its answer was complete; by the coordinator's clock."
        actions={
          kept.length > 0 && (
            <Select
              label="Show"
              value={which}
              options={[
                { value: 'latest', label: `The last ${String(LATEST)} attempts` },
                ...kept.map((one) => ({ value: keyOf(one), label: nameOf(one) })),
              ]}
              onChange={setWhich}
            />
          )
        }
      >
        <SiteTimeline runId={runId} timelines={timelines} isPending={isPending && chosen.length > 0} />
      </Card>
      <Card title="Time by phase" detail="Of the round as a whole: it waits for its slowest site." isFlush>
        <PhaseTable timelines={timelines} />
      </Card>
    </>
  );
}

function noteOf(site: Timeline['sites'][number], isLast: boolean): string | undefined {
  return isLast && site.state === 'dropped' && site.reason !== null
    ? `dropped: ${DROP_WORDS[site.reason].label}`
    : undefined;
}

function spansOf(timeline: Timeline): TimelineSpan[] {
  const { round, spans, sites } = timeline;
  const span = (row: string, { phase, startMs, endMs }: Timeline['spans'][number]): TimelineSpan => ({
    ...{ row, phase, startMs, round },
    endMs: endMs ?? undefined,
  });
  return [
    ...spans.map((one) => span(WHOLE_ROUND, one)),
    ...sites.flatMap((site) =>
      site.spans.map((one, i) => ({
        ...span(site.siteId, one),
        note: noteOf(site, i === site.spans.length - 1),
        isFailed: site.state === 'dropped' && i === site.spans.length - 1,
      })),
    ),
  ];
}

interface SiteTimelineProps {
  readonly runId: string;
  readonly timelines: readonly Timeline[];
  readonly isPending: boolean;
}

const NONE_YET = 'No round has begun yet. Its phases appear here while it runs.';

function SiteTimeline({ runId, timelines, isPending }: SiteTimelineProps) {
  const spans = useMemo(() => timelines.flatMap(spansOf), [timelines]);
  const rows = useMemo(
    () => [
      WHOLE_ROUND,
      ...[...new Set(timelines.flatMap(({ sites }) => sites.map(({ siteId }) => siteId)))].sort(),
    ],
    [timelines],
  );
  const isGoingOn = spans.some(({ endMs }) => endMs === undefined);
  return (
    <Clocked isGoingOn={isGoingOn}>
      {(nowMs) => (
        <PhaseTimeline
          title="Last attempts"
          fileName={`${runId}-timeline`}
          rows={rows}
          spans={spans}
          phases={PHASES}
          nowMs={nowMs}
          empty={isPending ? 'Loading the timelines.' : NONE_YET}
        />
      )}
    </Clocked>
  );
}

interface ClockedProps {
  readonly isGoingOn: boolean;
  readonly children: (nowMs: number) => ReactNode;
}

/** The time, renewed only while something goes on. */
function Clocked({ isGoingOn, children }: ClockedProps) {
  return isGoingOn ? <Ticking>{children}</Ticking> : <>{children(systemClock.nowMs())}</>;
}

function Ticking({ children }: Pick<ClockedProps, 'children'>) {
  return <>{children(useNow(1000))}</>;
}

const MEGABYTE = 1e6;
const inMegabytes = (bytes: number | null): number | undefined =>
  bytes === null ? undefined : bytes / MEGABYTE;

function Traffic({ runId, points }: RunTimingProps) {
  const bytes = useMemo(
    () => [
      {
        name: 'Sites to coordinator',
        points: points.map((p) => ({ x: p.round, y: inMegabytes(p.bytesUp) })),
      },
      {
        name: 'Coordinator to sites',
        points: points.map((p) => ({ x: p.round, y: inMegabytes(p.bytesDown) })),
      },
    ],
    [points],
  );
  const seconds = useMemo(
    () => [{ name: 'Round', points: points.map((p) => ({ x: p.round, y: p.seconds ?? undefined })) }],
    [points],
  );
  const shared = {
    x: { label: 'Round', isWhole: true },
    empty: 'No round has been published yet; figures appear here after the first one.',
  };
  return (
    <div className="grid wide">
      <ChartCard>
        <CurveChart
          {...shared}
          title="Bytes by round"
          description="All sites together, with headers."
          fileName={`${runId}-bytes`}
          y={{ label: 'Megabytes', format: (value) => `${formatNumber(value)} MB` }}
          series={bytes}
        />
      </ChartCard>
      <ChartCard>
        <CurveChart
          {...shared}
          title="Seconds by round"
          description="From the beginning of the first attempt to the published model."
          fileName={`${runId}-seconds`}
          y={{ label: 'Seconds', format: (value) => `${formatNumber(value)} s` }}
          series={seconds}
        />
      </ChartCard>
    </div>
  );
}
