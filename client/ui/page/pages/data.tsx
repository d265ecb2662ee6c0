/** What this hospital trains on: classes, patients, what is not used and why, and a look at a few images. */
import { Page } from '../../../../shared/ui/app-shell.tsx';
import { Button } from '../../../../shared/ui/button.tsx';
import { useAct, useGet } from '../../../../shared/ui/data.tsx';
import { Badge, Card, Figures, Note } from '../../../../shared/ui/panels.tsx';
import { Progress } from '../../../../shared/ui/progress.tsx';
import { Empty, Loaded } from '../../../../shared/ui/states.tsx';
import { Count, Hash, Time } from '../../../../shared/ui/values.tsx';
import type { DataView } from '../../views.ts';
import { DATA, SCAN } from '../paths.ts';
import { useRefusal } from '../session.tsx';
import { ClassTable, RejectedTable } from './data-tables.tsx';
import { SamplesCard } from './samples-card.tsx';

export function DataPage() {
  const query = useGet(DATA, ['data']);
  return (
    <Page
      title="Our data"
      lead="What the plans of the federation would train on. All of this stays on this machine."
      actions={<ScanButton data={query.data} />}
    >
      <Loaded query={query} what="The data" rows={6} rowHeight={64}>
        {(data) => <Data data={data} />}
      </Loaded>
    </Page>
  );
}

function ScanButton({ data }: { readonly data: DataView | undefined }) {
  const refusal = useRefusal();
  const scan = useAct((api) => api.send('post', SCAN, {}));
  const none = data?.source === null ? 'site.yaml names no data yet.' : undefined;
  return (
    <Button
      isBusy={scan.isBusy || data?.scan.isRunning}
      disabledReason={refusal ?? none}
      onPress={() => {
        scan.start();
      }}
    >
      Scan again
    </Button>
  );
}

function Data({ data }: { readonly data: DataView }) {
  const { source, manifest, problem, scan } = data;
  return (
    <>
      {scan.isRunning && (
        <Card title="Scanning" detail="Every image is read once; nothing leaves this machine.">
          <div aria-live="polite">
            <Progress
              label="Images"
              value={scan.done ?? 0}
              max={scan.total ?? 1}
              detail={scan.total === null ? 'reading…' : `${String(scan.done ?? 0)} of ${String(scan.total)}`}
            />
          </div>
        </Card>
      )}
      {(problem ?? scan.problem) !== null && (
        <Note tone="bad" title="The data cannot be shown as they are">
          <p>{problem ?? scan.problem}</p>
        </Note>
      )}
      {manifest ? (
        <Scanned data={data} manifest={manifest} />
      ) : (
        <Card title="Images">
          {source === null ? (
            <Empty title="No data yet">
              Write <code>data: folder:/…</code> into site.yaml: one folder a class. Then scan.
            </Empty>
          ) : (
            <Empty title="Not scanned yet">Scan to see classes, patients and which files are not used.</Empty>
          )}
        </Card>
      )}
    </>
  );
}

interface ScannedProps {
  readonly data: DataView;
  readonly manifest: NonNullable<DataView['manifest']>;
}

function Scanned({ data, manifest }: ScannedProps) {
  const { imageCount, patientCount, rejectedCount, fileCount, time, synthetic, digest, classes } = manifest;
  const all = imageCount + rejectedCount;
  return (
    <>
      <Figures
        figures={[
          {
            name: 'Images',
            value: <Count value={imageCount} />,
            detail: synthetic ? (
              <Badge tone="info">generated images</Badge>
            ) : (
              `of ${String(all)} that were found`
            ),
          },
          {
            name: 'Patients',
            value: <Count value={patientCount} />,
            detail: 'never on both sides of a split',
          },
          { name: 'Not used', value: <Count value={rejectedCount} />, detail: 'with the reason, below' },
          {
            name: 'Files',
            value: <Count value={fileCount} />,
            detail: <Hash value={digest} what="digest of the cohort" />,
          },
        ]}
      />
      <p className="quiet wrap-anywhere">
        From <span className="mono">{data.source}</span>, scanned <Time at={time} />.
      </p>
      <div className="grid">
        <ClassTable classes={classes} imageCount={imageCount} />
        <RejectedTable manifest={manifest} />
      </div>
      <SamplesCard />
    </>
  );
}
