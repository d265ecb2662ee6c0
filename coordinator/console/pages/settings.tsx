/** How the coordinator is set up, without its secrets; what it stores; who has tried to log in. */
import { Page } from '../../../shared/ui/app-shell.tsx';
import { useGet } from '../../../shared/ui/data.tsx';
import { DataTable, type Column } from '../../../shared/ui/data-table.tsx';
import { bytes, counted, percent } from '../../../shared/ui/format.ts';
import { Badge, Card, KeyValues, type Tone } from '../../../shared/ui/panels.tsx';
import { Progress } from '../../../shared/ui/progress.tsx';
import { Empty, Loaded } from '../../../shared/ui/states.tsx';
import { Bytes, CopyText, Time } from '../../../shared/ui/values.tsx';
import type { LoginAttemptView, SettingsView } from '../../http/api/settings-views.ts';
import { SETTINGS } from '../paths.ts';

export function SettingsPage() {
  const settings = useGet(SETTINGS, ['users', 'models']);
  return (
    <Page
      title="Settings"
      lead="How this coordinator is set up. It is changed in coordinator.yaml and read at the next start."
    >
      <Loaded query={settings} what="The settings" rows={6} rowHeight={60}>
        {(answer) => (
          <>
            <div className="grid">
              <div className="stack">
                <Configuration settings={answer} />
                <Versions settings={answer} />
              </div>
              <div className="stack">
                <Certificate settings={answer} />
                <Storage settings={answer} />
              </div>
            </div>
            <Logins settings={answer} />
          </>
        )}
      </Loaded>
    </Page>
  );
}

interface PartProps {
  readonly settings: SettingsView;
}

const TRANSPORTS = {
  tls: 'TLS, by the coordinator itself',
  'behind-tls-proxy': 'TLS, by a reverse proxy before it',
  'plain-loopback': 'Plain HTTP on this machine only',
} as const;

function Configuration({ settings: { configuration } }: PartProps) {
  return (
    <Card title="Coordinator">
      <KeyValues
        pairs={[
          [
            'Address',
            <span key="u" className="mono">
              {configuration.url}
            </span>,
          ],
          [
            'Listens on',
            <span key="l" className="mono">{`${configuration.host}:${String(configuration.port)}`}</span>,
          ],
          ['Transport', TRANSPORTS[configuration.transport]],
          ['Database', configuration.database === 'sqlite' ? 'SQLite, a file of its folder' : 'PostgreSQL'],
          [
            'Validation images',
            configuration.hasValidationImages
              ? 'present: models are judged here'
              : 'none: models are not judged here; sites may report theirs',
          ],
          [
            'Federation',
            <CopyText key="i" text={configuration.federationId} what="name of the federation" />,
          ],
          ['Fingerprint', <CopyText key="f" text={configuration.fingerprint} what="fingerprint" />],
        ]}
      />
    </Card>
  );
}

function validity(daysLeft: number): readonly [Tone, string] {
  if (daysLeft < 0) return ['bad', 'expired'];
  return [daysLeft <= 30 ? 'warn' : 'good', `${counted(daysLeft, 'day')} left`];
}

function Certificate({ settings: { certificate, configuration } }: PartProps) {
  if (!certificate)
    return (
      <Card title="Certificate">
        <p className="quiet">
          {configuration.transport === 'behind-tls-proxy'
            ? 'The reverse proxy holds it: renew it there.'
            : 'None: nothing but programs on this machine reach this coordinator.'}
        </p>
      </Card>
    );
  const [tone, words] = validity(certificate.daysLeft);
  return (
    <Card title="Certificate" actions={<Badge tone={tone}>{words}</Badge>}>
      <KeyValues
        pairs={[
          ['For', certificate.subject],
          ['Issued by', certificate.issuer],
          ['Valid from', <Time key="f" at={certificate.notBefore} />],
          ['Valid until', <Time key="u" at={certificate.notAfter} />],
          ['After renewal', 'restart the coordinator'],
        ]}
      />
    </Card>
  );
}

function Storage({ settings: { storage } }: PartProps) {
  const used = storage.totalBytes - storage.freeBytes;
  return (
    <Card title="Storage">
      <div className="stack tight">
        <Progress
          label="Disk of its folder"
          value={used}
          max={Math.max(1, storage.totalBytes)}
          detail={`${bytes(storage.freeBytes)} free of ${bytes(storage.totalBytes)} (${percent(storage.totalBytes > 0 ? storage.freeBytes / storage.totalBytes : 0, 0)})`}
        />
        <KeyValues
          pairs={[
            ['Models', `${bytes(storage.modelsBytes)} in ${counted(storage.modelFiles, 'file')}`],
            ['Runs', <Bytes key="r" value={storage.runsBytes} />],
            [
              'Database',
              storage.databaseBytes === null ? (
                'on its own server'
              ) : (
                <Bytes key="d" value={storage.databaseBytes} />
              ),
            ],
          ]}
        />
      </div>
    </Card>
  );
}

function Versions({ settings: { versions } }: PartProps) {
  return (
    <Card title="Versions">
      <KeyValues
        pairs={[
          ['Consilium', versions.program],
          ['Protocol', `version ${String(versions.protocol)}`],
          ['Node.js', versions.node],
        ]}
      />
    </Card>
  );
}

const OUTCOMES: Readonly<Record<LoginAttemptView['outcome'], readonly [Tone, string]>> = {
  open: ['good', 'Logged in'],
  wrong: ['warn', 'Wrong name or password'],
  'too-many': ['bad', 'Too many tries'],
  busy: ['neutral', 'Coordinator busy'],
};

const LOGIN_COLUMNS: readonly Column<LoginAttemptView>[] = [
  {
    ...{ key: 'at', header: 'Time', width: 260, isRowHeader: true },
    sortBy: ({ at }) => at,
    cell: ({ at }) => <Time at={at} parts="second" />,
  },
  {
    ...{ key: 'outcome', header: 'Outcome', width: 220 },
    sortBy: ({ outcome }) => outcome,
    cell: ({ outcome }) => <Badge tone={OUTCOMES[outcome][0]}>{OUTCOMES[outcome][1]}</Badge>,
  },
  {
    ...{ key: 'user', header: 'User' },
    sortBy: ({ user }) => user,
    cell: ({ user }) => user ?? <span className="quiet">unknown name</span>,
  },
  {
    ...{ key: 'address', header: 'From address', width: 220 },
    sortBy: ({ address }) => address,
    cell: ({ address }) => <span className="mono">{address}</span>,
  },
];

function Logins({ settings: { logins } }: PartProps) {
  return (
    <Card
      title="Attempts to log in"
      detail={
        <>
          Since the coordinator was started, <Time at={logins.since} />; 200 at most, newest first.
        </>
      }
      isFlush
    >
      <DataTable
        caption="Attempts to log in"
        rows={logins.attempts}
        columns={LOGIN_COLUMNS}
        rowKey={(attempt) => `${attempt.at} ${attempt.address} ${attempt.outcome} ${attempt.user ?? ''}`}
        empty={<Empty title="Nobody has tried to log in">Since the start of the coordinator.</Empty>}
      />
    </Card>
  );
}
