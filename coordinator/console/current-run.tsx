/** A run that is going on, in a card: how far it is, in which phase, and what its last model is worth. */
import { Link } from 'wouter';
import { count, counted, figure } from '../../shared/ui/format.ts';
import { METRIC_LABELS } from '../../shared/learning/metrics/labels.ts';
import { Badge, Card } from '../../shared/ui/panels.tsx';
import { Progress as ProgressBar } from '../../shared/ui/progress.tsx';
import { Countdown } from '../../shared/ui/values.tsx';
import type { EstimateView } from '../http/api/metric-views.ts';
import type { CurrentRun } from '../http/api/overview-views.ts';
import type { Progress } from '../http/api/round-views.ts';
import { useServerOffset } from './live-progress.ts';
import { newerProgress } from './newer-progress.ts';
import { PHASE_WORDS, RUN_STATUS_WORDS, SITE_STATE_WORDS } from './words.ts';

export interface CurrentRunCardProps {
  readonly run: CurrentRun;
  /** When the server answered with it, by its clock. */
  readonly askedAtMs: number;
  /** By the live events. */
  readonly told: Progress | undefined;
}

export function CurrentRunCard({ run, askedAtMs, told }: CurrentRunCardProps) {
  const progress = newerProgress(run.progress, askedAtMs, told);
  const { label, tone } = RUN_STATUS_WORDS[run.status];
  return (
    <Card
      title={<Link href={`/runs/${run.runId}`}>{run.runId}</Link>}
      detail={`Plan: ${run.planName}`}
      actions={<Badge tone={tone}>{label}</Badge>}
    >
      <div className="stack tight">
        <ProgressBar
          label="Rounds published"
          value={run.roundsDone}
          max={run.rounds}
          detail={`${count(run.roundsDone)} of ${count(run.rounds)}`}
        />
        <RoundNow progress={progress} />
        <dl className="run-round">
          {(['accuracy', 'auc', 'macroF1'] as const).map((metric) => (
            <Term key={metric} name={METRIC_LABELS[metric]} estimate={run.last?.metrics[metric]} />
          ))}
        </dl>
        <p className="small quiet">
          {run.last
            ? `Of round ${count(run.last.round)}, on the coordinator’s images, with 95 % intervals.`
            : 'Figures come with the first published round.'}
        </p>
      </div>
    </Card>
  );
}

interface TermProps {
  readonly name: string;
  readonly estimate: EstimateView | undefined;
}

function Term({ name, estimate }: TermProps) {
  const { value, interval } = estimate ?? {};
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        {figure(value)}
        <span className="figure-detail">
          {interval && `${figure(interval.low)}–${figure(interval.high)}`}
        </span>
      </dd>
    </div>
  );
}

function RoundNow({ progress }: { readonly progress: Progress | undefined }) {
  const offsetMs = useServerOffset(progress?.serverNowMs);
  return (
    <>
      <dl className="run-round">
        <div>
          <dt>Round</dt>
          <dd>
            {progress ? `${count(progress.round)}, attempt ${count(progress.attempt)}` : 'between two rounds'}
          </dd>
        </div>
        <div>
          <dt>Phase</dt>
          <dd aria-live="polite">{progress ? PHASE_WORDS[progress.phase] : '–'}</dd>
        </div>
        <div>
          <dt>Deadline</dt>
          <dd>
            {typeof progress?.deadlineMs === 'number' ? (
              <Countdown deadlineMs={progress.deadlineMs} offsetMs={offsetMs} />
            ) : (
              '–'
            )}
          </dd>
        </div>
      </dl>
      <div className="site-tally">
        {progress &&
          talliesOf(progress).map(([state, sites]) => (
            <Badge key={state} tone={SITE_STATE_WORDS[state].tone}>
              {counted(sites, 'site')}: {SITE_STATE_WORDS[state].label.toLowerCase()}
            </Badge>
          ))}
      </div>
    </>
  );
}

type State = Progress['perSite'][number]['state'];

function talliesOf({ perSite }: Progress): [State, number][] {
  const tallies = new Map<State, number>();
  for (const { state } of perSite) tallies.set(state, (tallies.get(state) ?? 0) + 1);
  return [...tallies];
}
