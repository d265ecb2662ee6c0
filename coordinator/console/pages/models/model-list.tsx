/** The model that is in use, and every version that a run has published. */
import { Link, useLocation } from 'wouter';
import { formatMetric } from '../../../../shared/format.ts';
import { Page } from '../../../../shared/ui/app-shell.tsx';
import { Button } from '../../../../shared/ui/button.tsx';
import { DataTable, type Column } from '../../../../shared/ui/data-table.tsx';
import { Badge, Card } from '../../../../shared/ui/panels.tsx';
import { Empty, ErrorPanel, Loading } from '../../../../shared/ui/states.tsx';
import { Time } from '../../../../shared/ui/values.tsx';
import type { ModelVersion } from '../../../http/api/model-views.ts';
import { CurrentModelCard } from './current-model.tsx';
import { versionKey, versionPath } from './model-name.ts';
import { useVersions } from './use-versions.ts';

const COLUMNS: readonly Column<ModelVersion>[] = [
  {
    ...{ key: 'run', header: 'Run', isRowHeader: true },
    sortBy: versionKey,
    cell: (version) => <Link href={versionPath(version)}>{version.runId}</Link>,
  },
  {
    ...{ key: 'round', header: 'Round', isNumber: true, width: 75 },
    sortBy: ({ round }) => round,
    cell: ({ round }) => round,
  },
  {
    ...{ key: 'plan', header: 'Plan' },
    sortBy: ({ planName }) => planName,
    cell: ({ planName }) => planName,
  },
  {
    ...{ key: 'score', header: 'ROC AUC', isNumber: true, width: 100 },
    sortBy: ({ score }) => score ?? -1,
    cell: ({ score }) => formatMetric(score ?? undefined),
  },
  {
    ...{ key: 'marks', header: 'Marks', width: 150 },
    cell: ({ isBest, isCurrent }) => (
      <span className="cluster">
        {isCurrent && <Badge tone="good">in use</Badge>}
        {isBest && <Badge tone="info">best</Badge>}
      </span>
    ),
  },
  {
    ...{ key: 'digest', header: 'Weights', width: 140 },
    cell: ({ modelHash }) => <span className="mono">{`${modelHash.slice(0, 12)}…`}</span>,
  },
  {
    ...{ key: 'published', header: 'Published', width: 224 },
    sortBy: ({ publishedAt }) => publishedAt,
    cell: ({ publishedAt }) => <Time at={publishedAt} />,
  },
];

export function ModelList() {
  const [, navigate] = useLocation();
  return (
    <Page
      title="Models"
      lead="Every published round is a version. The one in use is what those who ask the coordinator for “the” model are given."
      actions={
        <Button
          onPress={() => {
            navigate('/models/compare');
          }}
        >
          Compare two
        </Button>
      }
    >
      <CurrentModelCard />
      <Versions />
    </Page>
  );
}

function Versions() {
  const versions = useVersions();
  if (versions.error)
    return (
      <ErrorPanel
        error={versions.error}
        what="The models"
        onRetry={() => {
          void versions.refetch();
        }}
      />
    );
  if (!versions.data) return <Loading what="the models" rows={6} rowHeight={44} />;
  const rows = versions.data.pages.flatMap(({ models }) => models);
  const total = versions.data.pages[0]?.total ?? rows.length;
  const more = (): void => {
    if (versions.hasNextPage && !versions.isFetchingNextPage) void versions.fetchNextPage();
  };
  return (
    <Card
      title="Versions"
      detail={`${String(rows.length)} of ${String(total)}, newest first.`}
      actions={
        versions.hasNextPage ? (
          <Button size="small" isBusy={versions.isFetchingNextPage} onPress={more}>
            Load older ones
          </Button>
        ) : undefined
      }
      isFlush
    >
      <DataTable
        caption="Versions of models"
        rows={rows}
        columns={COLUMNS}
        rowKey={versionKey}
        minWidth={920}
        onNearEnd={more}
        empty={
          <Empty title="No model has been published yet">
            Add a run: each of its rounds publishes a version, which appears here by itself.
          </Empty>
        }
      />
    </Card>
  );
}
