/** The round that is under way, live: its phase, its deadline by the coordinator's clock, and every site in it. */
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { DataTable, type Column } from '../../../../shared/ui/data-table.tsx';
import { useGet, useLiveEvent } from '../../../../shared/ui/data.tsx';
import { Card, Note } from '../../../../shared/ui/panels.tsx';
import { Progress as Bar } from '../../../../shared/ui/progress.tsx';
import { Empty, Loaded } from '../../../../shared/ui/states.tsx';
import { Bytes, Countdown, Duration, useNow } from '../../../../shared/ui/values.tsx';
import type { LiveEvent } from '../../../http/api/live-views.ts';
import type { Progress } from '../../../http/api/round-views.ts';
import type { RunListItem } from '../../../http/api/run-views.ts';
import { useServerOffset } from '../../live-progress.ts';
import { progressPath } from '../../run-paths.ts';
import { DROP_WORDS, PHASE_WORDS } from '../../words.ts';
import { roundName, siteStateBadge, TIMED_PHASES } from './run-words.tsx';

type SiteProgress = Progress['perSite'][number];

const COLUMNS: readonly Column<SiteProgress>[] = [
  {
    ...{ key: 'site', header: 'Site', isRowHeader: true },
    sortBy: ({ siteId }) => siteId,
    cell: ({ siteId }) => siteId,
  },
  {
    ...{ key: 'state', header: 'State', width: 200 },
    sortBy: ({ state }) => state,
    cell: ({ state }) => siteStateBadge(state),
  },
  {
    ...{ key: 'reason', header: 'Reason', width: 220 },
    cell: ({ reason }) =>
      reason === null ? '' : <span title={DROP_WORDS[reason].advice}>{DROP_WORDS[reason].label}</span>,
  },
  {
    ...{ key: 'steps', header: 'Steps', width: 90, isNumber: true },
    sortBy: ({ steps }) => steps,
    cell: ({ steps }) => steps,
  },
  {
    ...{ key: 'down', header: 'Received', width: 110, isNumber: true },
    sortBy: ({ bytesDown }) => bytesDown,
    cell: ({ bytesDown }) => <Bytes value={bytesDown} />,
  },
  {
    ...{ key: 'up', header: 'Sent', width: 110, isNumber: true },
    sortBy: ({ bytesUp }) => bytesUp,
    cell: ({ bytesUp }) => <Bytes value={bytesUp} />,
  },
];

export function RunProgress({ run }: { readonly run: RunListItem }) {
  const path = progressPath(run.runId);
  const client = useQueryClient();
  const progress = useGet(path, [`run:${run.runId}`]);
  useLiveEvent<Extract<LiveEvent, { topic: 'progress' }>>('progress', (event) => {
    if (event.runId === run.runId) client.setQueryData([path], { progress: event });
  });
  return (
    <Loaded query={progress} what="The present round" rows={3} rowHeight={64}>
      {({ progress: now }) => <Now progress={now} isPaused={run.status === 'paused'} />}
    </Loaded>
  );
}

interface NowProps {
  /** Null between two rounds. */
  readonly progress: Progress | null;
  readonly isPaused: boolean;
}

function Now({ progress, isPaused }: NowProps) {
  const [last, setLast] = useState(progress);
  if (progress && progress !== last) setLast(progress);
  if (progress) return <Round progress={progress} state={isPaused ? 'pausing' : 'running'} />;
  // What was shown keeps its place until the next round: nothing below it moves.
  if (last && !isPaused) return <Round progress={last} state="over" />;
  return (
    <Note title={isPaused ? 'The run is paused' : 'Between two rounds'}>
      <p>
        {isPaused
          ? 'Resume it to go on with the next round.'
          : 'The next round begins as soon as the coordinator is ready.'}
      </p>
    </Note>
  );
}

interface RoundProps {
  readonly progress: Progress;
  readonly state: 'running' | 'pausing' | 'over';
}

const STATE_WORDS: Readonly<Record<RoundProps['state'], string>> = {
  running: 'Live: every line follows what the coordinator hears.',
  pausing: 'The run pauses after this round.',
  over: 'This round is over; the next one begins as soon as the coordinator is ready.',
};

function Round({ progress, state }: RoundProps) {
  const { round, attempt, phase, perSite, cohortSize, serverNowMs } = progress;
  const offsetMs = useServerOffset(serverNowMs);
  const isIn = perSite.filter(({ state }) => state !== 'dropped');
  const done = isIn.filter(({ state }) => state === 'waiting' || state === 'survived').length;
  const again = attempt > 1 ? `, attempt ${String(attempt)}` : '';
  return (
    <Card
      title={`${state === 'over' ? 'Just now' : 'Now'}: ${roundName(round)}${again}`}
      detail={STATE_WORDS[state]}
      actions={
        <span className="run-deadline">
          <span className="quiet">Deadline of this phase: </span>
          {progress.deadlineMs === null || state === 'over' ? (
            'none'
          ) : (
            <Countdown deadlineMs={progress.deadlineMs} offsetMs={offsetMs} />
          )}
        </span>
      }
    >
      <div className="stack">
        <PhaseSteps
          phase={state === 'over' ? 'published' : phase}
          startMs={progress.phaseStartMs}
          offsetMs={offsetMs}
        />
        <div aria-live="polite">
          <Bar
            label={`${PHASE_WORDS[phase]}: sites that are done`}
            value={done}
            max={Math.max(1, isIn.length, cohortSize)}
            detail={`${String(done)} of ${String(Math.max(isIn.length, cohortSize))} sites`}
          />
        </div>
        <div className="live-sites">
          <DataTable
            caption="Sites in this round"
            rows={perSite}
            columns={COLUMNS}
            rowKey={({ siteId }) => siteId}
            empty={
              <Empty title="No site takes part yet">
                The round begins once enough active sites are connected; look at the page of sites.
              </Empty>
            }
          />
        </div>
      </div>
    </Card>
  );
}

interface PhaseStepsProps {
  readonly phase: Progress['phase'];
  readonly startMs: number;
  readonly offsetMs: number;
}

function PhaseSteps({ phase, startMs, offsetMs }: PhaseStepsProps) {
  const elapsedMs = Math.max(0, useNow(1000) + offsetMs - startMs);
  const at = TIMED_PHASES.findIndex((one) => one === phase);
  return (
    <ol className="phase-steps" aria-label="Phases of the round">
      {TIMED_PHASES.map((one, i) => (
        <li
          key={one}
          className={i < at || at < 0 ? 'past' : i === at ? 'present' : 'future'}
          aria-current={i === at ? 'step' : undefined}
        >
          <span>{PHASE_WORDS[one]}</span>
          <span className="phase-time">{i === at ? <Duration ms={elapsedMs} /> : ''}</span>
        </li>
      ))}
    </ol>
  );
}
