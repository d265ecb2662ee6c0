/** What the site does at this moment, and how to end it. */
import { Link } from 'wouter';
import { Page } from '../../../../shared/ui/app-shell.tsx';
import { useGet } from '../../../../shared/ui/data.tsx';
import { Badge, Card, Figures, KeyValues, Note, type Figure } from '../../../../shared/ui/panels.tsx';
import { Loaded } from '../../../../shared/ui/states.tsx';
import { Count, CopyText, RelativeTime, Time } from '../../../../shared/ui/values.tsx';
import type { StateView } from '../../views.ts';
import { DATA, STATE } from '../paths.ts';
import { AGENT_WORDS, PHASE_WORDS } from '../words.ts';
import { LinkWords } from './link-words.tsx';
import { StopCard } from './stop-card.tsx';
import { TrainingCard } from './training-card.tsx';

export function NowPage() {
  const query = useGet(STATE, []);
  return (
    <Page title="Now" lead="What this hospital's agent does at this moment. Images never leave this machine.">
      <Loaded query={query} what="The state of the agent" rows={5} rowHeight={84}>
        {(state) => <Now state={state} />}
      </Loaded>
    </Page>
  );
}

function Now({ state }: { readonly state: StateView }) {
  return (
    <>
      <Problems state={state} />
      <Figures figures={figuresOf(state)} />
      <div className="columns-main">
        <div className="stack">
          <TrainingCard state={state} />
          <Notices state={state} />
        </div>
        <div className="stack">
          <StopCard state={state} />
          <SiteCard state={state} />
        </div>
      </div>
    </>
  );
}

function Problems({ state }: { readonly state: StateView }) {
  const problem = state.policy.problem ?? state.now?.problem;
  return (
    <>
      {problem !== null && problem !== undefined && (
        <Note tone="bad" title="This site takes part in no round" isLive>
          <p>{problem}</p>
        </Note>
      )}
      {state.agent === 'not-running' && (
        <Note tone="warn" title="No agent is running">
          <p>
            This page is for looking and deciding. To take part: <code>consilium site start</code>.
          </p>
        </Note>
      )}
      {state.agent === 'elsewhere' && (
        <Note tone="info" title="The agent runs in another process">
          <p>
            What it does at the moment is shown on its own page: <code>consilium site page</code> prints the
            links.
          </p>
        </Note>
      )}
    </>
  );
}

function figuresOf(state: StateView): readonly Figure[] {
  const { now, policy, agent } = state;
  const { words, detail } = AGENT_WORDS[agent];
  return [
    { name: 'Agent', value: words, detail },
    {
      name: 'Coordinator',
      value: <LinkWords link={now?.link} />,
      detail:
        now?.link.kind === 'connected' ? (
          <>
            since <Time at={now.link.sinceMs} />
          </>
        ) : (
          ' '
        ),
    },
    {
      name: 'Round',
      value: now?.round ? String(now.round.round) : 'none',
      detail: now?.round
        ? `run ${now.round.runId}: ${PHASE_WORDS[now.round.phase]}`
        : 'the site is in no round',
    },
    {
      name: 'Approved plans',
      value: <Count value={policy.approvedPlans} />,
      detail: <Link href="/plans">look at the plans</Link>,
    },
    { name: 'Images', value: <Images />, detail: <Link href="/data">look at the data</Link> },
  ];
}

function Images() {
  const { data } = useGet(DATA, ['data']);
  if (!data) return <span className="quiet">…</span>;
  return data.manifest ? <Count value={data.manifest.imageCount} /> : <>not scanned</>;
}

const SHOWN_NOTICES = 8;

function Notices({ state }: { readonly state: StateView }) {
  const notices = [...(state.now?.notices ?? [])].reverse().slice(0, SHOWN_NOTICES);
  if (notices.length === 0) return null;
  return (
    <Card
      title="Worth knowing"
      detail="Refusals and failures since the agent started; everything else stands in the ledger."
    >
      <ul className="plain-list">
        {notices.map(({ atMs, text }) => (
          <li key={`${String(atMs)} ${text}`}>
            <Badge tone="warn">note</Badge> {text}{' '}
            <span className="quiet small">
              <RelativeTime at={atMs} />
            </span>
          </li>
        ))}
      </ul>
    </Card>
  );
}

function SiteCard({ state: { site, coordinator } }: { readonly state: StateView }) {
  return (
    <Card title="This site" detail="Compare fingerprints by telephone when in doubt.">
      <KeyValues
        pairs={[
          ['Site', site.siteId],
          [
            "Site's fingerprint",
            <CopyText key="site" text={site.fingerprint} what="fingerprint of the site" />,
          ],
          [
            'Coordinator',
            <span key="url" className="wrap-anywhere">
              {coordinator.url}
            </span>,
          ],
          [
            "Coordinator's fingerprint",
            <CopyText
              key="coordinator"
              text={coordinator.fingerprint}
              what="fingerprint of the coordinator"
            />,
          ],
          [
            'Folder',
            <span key="folder" className="mono wrap-anywhere">
              {site.folder}
            </span>,
          ],
          ['Engine', site.engine],
          ['Version', site.version],
        ]}
      />
    </Card>
  );
}
