/** The comparison of two runs as a report in the form of all reports. */
import { estimateCell } from '../report/evaluation-blocks.ts';
import { formatMetric } from '../../shared/format.ts';
import { labelOf, METRIC_LABELS } from '../../shared/learning/metrics/labels.ts';
import type {
  BarChart,
  Block,
  Cell,
  IntervalChart,
  LineChart,
  ReportModel,
  TableBlock,
} from '../report/model.ts';
import type { MetricRow, RunComparison } from './compare-runs.ts';
import type { RunSummary } from './run-summary.ts';

const CHARTED = ['accuracy', 'auc', 'balancedAccuracy'] as const;

export function comparisonReport(comparison: RunComparison): ReportModel {
  const { a, b, headline, sameTest } = comparison;
  const curves = curveCharts(a, b);
  const sites = siteChart(a, b);
  return {
    title: `${a.name} and ${b.name}`,
    subtitle: `A: ${a.name}, ${a.title}. B: ${b.name}, ${b.title}.`,
    ...(headline !== '' && { headline }),
    notes: sameTest
      ? []
      : [
          {
            tone: 'warning',
            text: 'The runs were tested on different images (other data, or another seed, which cuts the test set): their figures differ by chance as well.',
          },
        ],
    figures: [],
    sections: [
      { title: 'Settings that differ', blocks: [settingsBlock(comparison)] },
      {
        title: 'Test results',
        text: 'With 95 % intervals. Each run is one training: another seed gives other figures.',
        blocks: [
          { kind: 'row', blocks: CHARTED.map((name) => metricChart(comparison, name)) },
          ...metricTables(comparison),
        ],
      },
      ...(sites ? [{ title: 'Site by site', blocks: [sites] }] : []),
      ...(curves.length > 0 ? [{ title: 'Curves', blocks: [{ kind: 'row' as const, blocks: curves }] }] : []),
      { title: 'What it took', blocks: [factsTable(comparison)] },
    ],
    footer: 'Made by Consilium. This file contains no images of patients and makes no request.',
  };
}

const COLUMNS = [
  { label: 'A', numeric: true },
  { label: 'B', numeric: true },
];

function settingsBlock({ settings }: RunComparison): TableBlock {
  const cell = (value: string | undefined): Cell => ({ text: value ?? '–' });
  return {
    kind: 'table',
    caption: settings.length === 0 ? 'None: the settings are the same' : 'Settings',
    columns: [
      { label: 'Setting', numeric: false },
      { label: 'A', numeric: false },
      { label: 'B', numeric: false },
    ],
    rows: settings.map(({ name, a, b }) => [{ text: name }, cell(a), cell(b)]),
  };
}

function metricChart({ rows }: RunComparison, name: (typeof CHARTED)[number]): IntervalChart {
  const shown = rows.filter(({ metric }) => metric === name);
  const main = shown[0]?.method;
  return {
    kind: 'intervals',
    title: METRIC_LABELS[name],
    description: 'Value and 95 % interval; further right is better.',
    axis: { label: METRIC_LABELS[name] },
    rows: shown.flatMap(({ method, a, b }) =>
      [
        { run: 'A', estimate: a },
        { run: 'B', estimate: b },
      ].map(({ run, estimate }) => ({
        label: `${run} ${method}`,
        ...(estimate.value !== undefined && { value: estimate.value }),
        ...estimate.interval,
        emphasis: method === main,
      })),
    ),
  };
}

/** The main method's table open, the others folded. */
function metricTables({ rows }: RunComparison): Block[] {
  const methods = [...new Set(rows.map(({ method }) => method))];
  const [main, ...others] = methods.map((method) =>
    metricTable(
      method,
      rows.filter((row) => row.method === method),
    ),
  );
  return [
    ...(main ? [main] : []),
    ...(others.length > 0 ? [{ kind: 'details' as const, summary: 'Other methods', blocks: others }] : []),
  ];
}

function metricTable(method: string, rows: readonly MetricRow[]): TableBlock {
  return {
    kind: 'table',
    caption: method,
    inline: true,
    columns: [{ label: 'Metric', numeric: false }, ...COLUMNS, { label: 'B − A', numeric: true }],
    rows: rows.map(({ metric, a, b, difference }) => [
      { text: METRIC_LABELS[metric] },
      estimateCell(a),
      estimateCell(b),
      { text: signed(difference) },
    ]),
  };
}

/** "+0.012" */
export function signed(difference: number | undefined): string {
  return `${difference !== undefined && difference > 0 ? '+' : ''}${formatMetric(difference)}`;
}

/** Nothing where the runs do not have the same sites. */
function siteChart(a: RunSummary, b: RunSummary): BarChart | undefined {
  const both = a.sites.filter(({ site }) => b.sites.some((other) => other.site === site));
  if (both.length === 0 || both.length < Math.max(a.sites.length, b.sites.length)) return undefined;
  return {
    kind: 'bars',
    title: 'Accuracy at each site',
    description:
      'Of the federated model on each site’s share of the held-out test images, with 95 % intervals.',
    axis: { label: METRIC_LABELS.accuracy, domain: [0, 1] },
    series: ['A', 'B'],
    groups: both.map(({ site, accuracy }) => ({
      label: site,
      bars: [accuracy, b.sites.find((other) => other.site === site)?.accuracy ?? {}].map(
        ({ value, interval }) => ({
          ...(value !== undefined && { value }),
          ...interval,
        }),
      ),
    })),
  };
}

const CURVES = ['loss', 'auc', 'accuracy'] as const;

function curveCharts(a: RunSummary, b: RunSummary): LineChart[] {
  const unit = a.unit === b.unit ? a.unit : 'round or epoch';
  return CURVES.flatMap((name): LineChart[] => {
    const series = [
      { name: 'A', run: a },
      { name: 'B', run: b },
    ].map((entry) => ({
      name: entry.name,
      detail: entry.run.name,
      points: entry.run.curve.flatMap(({ step, values }) => {
        const y = values[name];
        return y === undefined ? [] : [{ x: step, y }];
      }),
    }));
    if (series.every(({ points }) => points.length === 0)) return [];
    const title = name === 'loss' ? 'Training loss' : `Validation: ${labelOf(name)}`;
    return [
      {
        kind: 'lines',
        title,
        description: `${title} after each ${unit}.`,
        x: { label: unit.slice(0, 1).toUpperCase() + unit.slice(1), whole: true },
        y: { label: name === 'loss' ? 'Loss' : labelOf(name) },
        series,
      },
    ];
  });
}

function factsTable({ a, b }: RunComparison): TableBlock {
  const labels = [...new Set([...a.facts, ...b.facts].map(([label]) => label))];
  const valueIn = (run: RunSummary, label: string): Cell => {
    const text = run.facts.find(([known]) => known === label)?.[1] ?? '–';
    return { text, ...(label.includes('SHA-512') && { code: true }) };
  };
  return {
    kind: 'table',
    caption: 'What it took, and the result',
    columns: [
      { label: 'What', numeric: false },
      { label: 'A', numeric: false },
      { label: 'B', numeric: false },
    ],
    rows: labels.map((label) => [{ text: label }, valueIn(a, label), valueIn(b, label)]),
  };
}
