/** One run: where it stands now, what its rounds came to, who took part, how it is protected, what happened. */
import { Link } from 'wouter';
import { formatMetric } from '../../../../shared/format.ts';
import { Page } from '../../../../shared/ui/app-shell.tsx';
import { useGet } from '../../../../shared/ui/data.tsx';
import { Figures, Note } from '../../../../shared/ui/panels.tsx';
import { Loaded } from '../../../../shared/ui/states.tsx';
import { Tabs } from '../../../../shared/ui/tabs.tsx';
import { Bytes, Duration, RelativeTime } from '../../../../shared/ui/values.tsx';
import type { RoundPoint, RunListItem } from '../../../http/api/run-views.ts';
import { roundsPath, RUNS } from '../../run-paths.ts';
import { RunControls } from './run-controls.tsx';
import { RunCurves } from './run-curves.tsx';
import { RunEvaluation } from './run-evaluation.tsx';
import { RunEvents } from './run-events.tsx';
import { RunPrivacy } from './run-privacy.tsx';
import { RunProgress } from './run-progress.tsx';
import { RunSites } from './run-sites.tsx';
import { RunTiming } from './run-timing.tsx';
import { statusBadge } from './run-words.tsx';
import './runs.css';

const PARENT = { path: '/runs', label: 'Runs' };

export function RunPage({ runId }: { readonly runId: string }) {
  const runs = useGet(RUNS, ['runs', `run:${runId}`]);
  const run = runs.data?.runs.find((one) => one.runId === runId);
  return (
    <Page
      title={runId}
      parent={PARENT}
      lead={
        run && (
          <>
            {'Run of the plan '}
            <Link href={`/plans/${run.planHash}`}>{run.planName}</Link>
          </>
        )
      }
      actions={run && <RunControls run={run} />}
    >
      <Loaded query={runs} what="The run" rows={6} rowHeight={80}>
        {() =>
          run ? (
            <RunContent run={run} />
          ) : (
            <Note tone="warn" title={`There is no run ${runId}`}>
              <p>Go back to the list of runs and choose another one.</p>
            </Note>
          )
        }
      </Loaded>
    </Page>
  );
}

function RunContent({ run }: { readonly run: RunListItem }) {
  const { runId, status, failure } = run;
  const rounds = useGet(roundsPath(runId), [`run:${runId}`]);
  const points = rounds.data?.rounds ?? [];
  return (
    <>
      {status === 'failed' && (
        <Note tone="bad" title="This run has failed">
          <p>{failure ?? 'No reason was written down.'}</p>
          <p>Its events say what happened before. Once the cause is gone, add a new run of the same plan.</p>
        </Note>
      )}
      <Headline run={run} points={points} />
      {(status === 'running' || status === 'paused') && <RunProgress run={run} />}
      <Tabs
        label="Parts of the run"
        tabs={[
          {
            ...{ key: 'results', label: 'Results' },
            content: () => (
              <div className="stack">
                <RunCurves runId={runId} rounds={rounds} />
                <RunEvaluation runId={runId} points={points} />
              </div>
            ),
          },
          {
            ...{ key: 'timing', label: 'Time and bytes' },
            content: () => <RunTiming runId={runId} points={points} />,
          },
          { ...{ key: 'sites', label: 'Sites' }, content: () => <RunSites runId={runId} /> },
          { ...{ key: 'privacy', label: 'Privacy' }, content: () => <RunPrivacy runId={runId} /> },
          { ...{ key: 'events', label: 'Events' }, content: () => <RunEvents runId={runId} /> },
        ]}
      />
    </>
  );
}

interface HeadlineProps {
  readonly run: RunListItem;
  readonly points: readonly RoundPoint[];
}

const sumOf = (values: readonly (number | null)[]): number =>
  values.reduce<number>((sum, value) => sum + (value ?? 0), 0);

function Headline({ run, points }: HeadlineProps) {
  const best = points.find(({ isBest }) => isBest);
  const interval = best?.metrics['auc']?.interval;
  const seconds = sumOf(points.map((point) => point.seconds));
  return (
    <Figures
      figures={[
        { name: 'Status', value: statusBadge(run.status), detail: <RelativeTime at={run.changedAt} /> },
        {
          ...{ name: 'Rounds published', value: String(run.roundsDone) },
          detail: (
            <>
              {run.rounds === null ? 'of another protocol version' : `of ${String(run.rounds)}`}
              {points.length > 0 && (
                <>
                  {' in '}
                  <Duration ms={1000 * seconds} />
                </>
              )}
            </>
          ),
        },
        {
          ...{ name: 'Best ROC AUC', value: formatMetric(run.bestScore ?? undefined) },
          detail: best
            ? `round ${String(best.round)}${interval ? `, 95 % ${formatMetric(interval.low)}–${formatMetric(interval.high)}` : ''}`
            : 'no model judged yet',
        },
        {
          name: 'Sent by sites',
          value: points.length === 0 ? '–' : <Bytes value={sumOf(points.map(({ bytesUp }) => bytesUp))} />,
          detail:
            points.length === 0 ? (
              'no round yet'
            ) : (
              <>
                {'received '}
                <Bytes value={sumOf(points.map(({ bytesDown }) => bytesDown))} />
              </>
            ),
        },
      ]}
    />
  );
}
