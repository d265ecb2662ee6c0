/** What somebody who opens the console wants to know first: is all well, what goes on, what waits for me. */
import { Link } from 'wouter';
import { Page } from '../../../shared/ui/app-shell.tsx';
import { useGet } from '../../../shared/ui/data.tsx';
import { count, counted } from '../../../shared/ui/format.ts';
import { Badge, Card, Figures, KeyValues, type Figure, type Tone } from '../../../shared/ui/panels.tsx';
import { sortRows } from '../../../shared/ui/table-order.ts';
import { Empty, Loaded } from '../../../shared/ui/states.tsx';
import { CopyText } from '../../../shared/ui/values.tsx';
import type { Alert, Overview } from '../../http/api/overview-views.ts';
import { FirstSteps } from '../first-steps.tsx';
import { useLiveProgress } from '../live-progress.ts';
import { OVERVIEW } from '../paths.ts';
import { CurrentRunCard } from '../current-run.tsx';
import './overview.css';

export function OverviewPage() {
  const overview = useGet(OVERVIEW, ['sites', 'runs', 'run', 'models', 'alerts']);
  return (
    <Page title="Overview" lead="What goes on in the federation, and what waits for somebody.">
      <Loaded query={overview} what="The overview" rows={4} rowHeight={96}>
        {(answer) => <Content overview={answer} />}
      </Loaded>
    </Page>
  );
}

function figuresOf({ sites, runs, alerts, current }: Overview): Figure[] {
  const tally = (wanted: Alert['severity']): number =>
    alerts.filter(({ severity }) => severity === wanted).length;
  const [errors, warnings] = [tally('error'), tally('warning')];
  const round = current[0];
  return [
    {
      name: 'Sites online',
      value: `${count(sites.online)} of ${count(sites.active)}`,
      detail:
        sites.pending > 0 ? (
          <Link href="/sites">{counted(sites.pending, 'request')} to join</Link>
        ) : (
          'active in the federation'
        ),
    },
    {
      name: 'Runs',
      value: `${count(runs.running)} running`,
      detail: `${count(runs.queued)} queued · ${count(runs.paused)} paused`,
    },
    {
      name: 'Rounds published',
      value: round ? `${count(round.roundsDone)} of ${count(round.rounds)}` : '–',
      detail: round ? `of ${round.runId}` : 'no run is going on',
    },
    {
      name: 'To look at',
      value: count(errors + warnings),
      detail:
        errors + warnings === 0
          ? 'nothing needs attention'
          : `${counted(errors, 'error')} · ${counted(warnings, 'warning')}`,
    },
  ];
}

function Content({ overview }: { readonly overview: Overview }) {
  const told = useLiveProgress();
  const { current, alerts, sites, runs } = overview;
  const isNew = sites.active + sites.pending + sites.suspended === 0 && runs.queued + current.length === 0;
  return (
    <>
      <Figures figures={figuresOf(overview)} />
      <div className="columns-main">
        <div className="stack">
          {isNew && <FirstSteps />}
          {current.map((run) => (
            <CurrentRunCard
              key={run.runId}
              run={run}
              askedAtMs={overview.serverNowMs}
              told={told.get(run.runId)}
            />
          ))}
          {!isNew && current.length === 0 && (
            <Card title="Runs">
              <Empty
                title="No run is going on"
                actions={
                  <>
                    <Link className="button" href="/runs">
                      Go to runs
                    </Link>
                    <Link className="button" href="/plans">
                      Go to plans
                    </Link>
                  </>
                }
              >
                {runs.queued > 0
                  ? `${counted(runs.queued, 'run')} waits in the queue until enough sites are online.`
                  : 'Add a run of a plan; it begins as soon as enough sites are online.'}
              </Empty>
            </Card>
          )}
        </div>
        <div className="stack">
          <Alerts alerts={alerts} />
          <Card title="This federation" detail="Sites compare this fingerprint before they join.">
            <KeyValues
              pairs={[
                ['Fingerprint', <CopyText key="f" text={overview.fingerprint} what="fingerprint" />],
                ['Name', <CopyText key="n" text={overview.federationId} what="name of the federation" />],
                ['Version', overview.version],
              ]}
            />
          </Card>
        </div>
      </div>
    </>
  );
}

const SEVERITIES: readonly Alert['severity'][] = ['error', 'warning', 'info'];
const TONES: Readonly<Record<Alert['severity'], readonly [Tone, string]>> = {
  error: ['bad', 'Error'],
  warning: ['warn', 'Warning'],
  info: ['info', 'Note'],
};

function placeOf({ subject }: Alert): string | undefined {
  switch (subject?.kind) {
    case 'site':
      return `/sites/${subject.id}`;
    case 'run':
      return `/runs/${subject.id}`;
    case 'invitations':
      return '/sites';
    case 'settings':
      return '/settings';
    case undefined:
      return undefined;
  }
}

function Alerts({ alerts }: { readonly alerts: readonly Alert[] }) {
  const sorted = sortRows(alerts, ({ severity }) => SEVERITIES.indexOf(severity), false);
  return (
    <Card title="To look at">
      {alerts.length === 0 ? (
        <p className="quiet">Nothing needs attention.</p>
      ) : (
        <ul className="alerts">
          {sorted.map((alert) => {
            const [tone, word] = TONES[alert.severity];
            const place = placeOf(alert);
            return (
              <li key={alert.id}>
                <Badge tone={tone}>{word}</Badge>
                <div>
                  <p className="strong">
                    {place === undefined ? alert.text : <Link href={place}>{alert.text}</Link>}
                  </p>
                  <p className="small quiet">{alert.advice}</p>
                </div>
              </li>
            );
          })}
        </ul>
      )}
    </Card>
  );
}
