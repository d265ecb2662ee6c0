/** Two versions side by side: what is better in which, and what is different in how they were trained. */
import { useLocation } from 'wouter';
import { formatMetric } from '../../../../shared/format.ts';
import { labelOf } from '../../../../shared/learning/metrics/labels.ts';
import { Page } from '../../../../shared/ui/app-shell.tsx';
import { DataTable, type Column } from '../../../../shared/ui/data-table.tsx';
import { useGet } from '../../../../shared/ui/data.tsx';
import { Select } from '../../../../shared/ui/form.tsx';
import { Badge, Card } from '../../../../shared/ui/panels.tsx';
import { Empty, ErrorPanel, Loaded, Loading } from '../../../../shared/ui/states.tsx';
import type { ModelComparison, ModelVersion } from '../../../http/api/model-views.ts';
import { comparisonPath } from '../../run-paths.ts';
import { Differences } from '../plans/plan-versions.tsx';
import { versionKey, versionLabel, versionName } from './model-name.ts';
import { useVersions } from './use-versions.ts';

const PARENT = { path: '/models', label: 'Models' };

interface ComparePageProps {
  /** `run:round` */
  readonly a: string | undefined;
  readonly b: string | undefined;
}

export function ComparePage({ a, b }: ComparePageProps) {
  const versions = useVersions();
  const all = versions.data?.pages.flatMap(({ models }) => models);
  return (
    <Page title="Compare two models" parent={PARENT}>
      {versions.error ? (
        <ErrorPanel error={versions.error} what="The models" />
      ) : !all ? (
        <Loading what="the models" rows={4} rowHeight={60} />
      ) : all.length < 2 ? (
        <Empty title="There are not two versions yet">Each published round of a run is one.</Empty>
      ) : (
        <Chosen versions={all} a={a} b={b} />
      )}
    </Page>
  );
}

/** Absent ones: the version in use or the newest, and the best of the others. */
function chosenPair(
  versions: readonly ModelVersion[],
  a: string | undefined,
  b: string | undefined,
): readonly [string, string] {
  const current = versions.find(({ isCurrent }) => isCurrent) ?? versions[0];
  const first = a ?? (current ? versionKey(current) : '');
  const others = versions.filter((version) => versionKey(version) !== first);
  const best = others.toSorted((x, y) => (y.score ?? -1) - (x.score ?? -1))[0];
  return [first, b ?? (best ? versionKey(best) : '')];
}

interface ChosenProps extends ComparePageProps {
  readonly versions: readonly ModelVersion[];
}

function Chosen({ versions, a, b }: ChosenProps) {
  const [, navigate] = useLocation();
  const [first, second] = chosenPair(versions, a, b);
  const known = new Set(versions.map(versionKey));
  const options = [
    ...versions.map((version) => ({ value: versionKey(version), label: versionLabel(version) })),
    // An address may name one that is on a later page.
    ...[first, second].filter((key) => !known.has(key)).map((key) => ({ value: key, label: key })),
  ];
  const go = (one: string, other: string): void => {
    navigate(`/models/compare/${one}/${other}`);
  };
  const comparison = useGet(comparisonPath(first, second), ['models']);
  return (
    <>
      <Card title="Versions">
        <div className="fields">
          <Select
            label="A"
            value={first}
            options={options}
            onChange={(key) => {
              go(key, second);
            }}
          />
          <Select
            label="B"
            value={second}
            options={options}
            onChange={(key) => {
              go(first, key);
            }}
          />
        </div>
      </Card>
      <Loaded query={comparison} what="The comparison" rows={8} rowHeight={44}>
        {(answer) => <Comparison comparison={answer} />}
      </Loaded>
    </>
  );
}

type Metric = ModelComparison['metrics'][number];

/** A minus sign as wide as the plus. */
const signed = (value: number): string =>
  `${value > 0 ? '+' : value < 0 ? '−' : '±'}${formatMetric(Math.abs(value))}`;

/** What rounds to no difference is none. */
const LEAST = 0.0005;

function verdict({ difference, isLossMetric }: Metric) {
  if (difference === null) return <span className="quiet">not known</span>;
  if (Math.abs(difference) < LEAST) return <span className="quiet">the same</span>;
  const isBetter = difference > 0 !== isLossMetric;
  return <Badge tone={isBetter ? 'good' : 'warn'}>{isBetter ? 'B is better' : 'A is better'}</Badge>;
}

const COLUMNS: readonly Column<Metric>[] = [
  { ...{ key: 'name', header: 'Metric', isRowHeader: true, wraps: true }, cell: ({ name }) => labelOf(name) },
  {
    ...{ key: 'a', header: 'A', isNumber: true, width: 80 },
    cell: ({ a }) => formatMetric(a ?? undefined),
  },
  {
    ...{ key: 'b', header: 'B', isNumber: true, width: 80 },
    cell: ({ b }) => formatMetric(b ?? undefined),
  },
  {
    ...{ key: 'difference', header: 'B less A', isNumber: true, width: 105 },
    sortBy: ({ difference }) => difference ?? 0,
    cell: ({ difference }) => (difference === null ? '–' : signed(difference)),
  },
  { ...{ key: 'verdict', header: 'Verdict', width: 130 }, cell: verdict },
];

function Comparison({
  comparison: { a, b, metrics, planDifferences },
}: {
  readonly comparison: ModelComparison;
}) {
  return (
    <div className="columns-main">
      <Card
        title="Figures"
        detail={`A is ${versionName(a)}; B is ${versionName(b)}. On the coordinator's validation images, where both have been judged. A difference within the intervals of the figures says little.`}
        isFlush
      >
        <DataTable
          caption="Metrics of both models"
          rows={metrics}
          columns={COLUMNS}
          rowKey={({ name }) => name}
          empty={
            <Empty title="Neither has been judged">
              The coordinator held no validation images when they were published.
            </Empty>
          }
        />
      </Card>
      <Card title="Plans" detail="What is different in B's plan.">
        <Differences sentences={planDifferences} />
      </Card>
    </div>
  );
}
