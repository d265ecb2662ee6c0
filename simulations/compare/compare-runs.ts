/** Two finished runs side by side: what was set differently, and what came of it. */
import type { Estimate, MetricName } from '../../shared/learning/metrics/evaluation.ts';
import { formatPercent, formatPoints } from '../../shared/format.ts';
import type { RunSummary } from './run-summary.ts';

export interface SettingDifference {
  readonly name: string;
  /** Absent where that run has no such setting. */
  readonly a?: string;
  readonly b?: string;
}

export interface MetricRow {
  readonly method: string;
  readonly metric: MetricName;
  readonly a: Estimate;
  readonly b: Estimate;
  /** b − a; absent where one has no value. */
  readonly difference?: number;
}

export interface RunComparison {
  readonly a: RunSummary;
  readonly b: RunSummary;
  readonly settings: readonly SettingDifference[];
  /** The main methods first, then those that both have, each with every metric. */
  readonly rows: readonly MetricRow[];
  /** Both were tested on the same images, so that the figures can be compared. */
  readonly sameTest: boolean;
  readonly headline: string;
}

export function compareRuns(a: RunSummary, b: RunSummary): RunComparison {
  const rows = metricRows(a, b);
  const sameTest = a.testImages === b.testImages;
  return { a, b, settings: differingSettings(a, b), rows, sameTest, headline: headlineOf(rows, sameTest) };
}

/** In the order of the first run's settings; those of the second alone come last. */
function differingSettings({ settings: a }: RunSummary, { settings: b }: RunSummary): SettingDifference[] {
  return [...new Set([...a.keys(), ...b.keys()])]
    .filter((name) => a.get(name) !== b.get(name))
    .map((name) => {
      const [left, right] = [a.get(name), b.get(name)];
      return { name, ...(left !== undefined && { a: left }), ...(right !== undefined && { b: right }) };
    });
}

function metricRows(a: RunSummary, b: RunSummary): MetricRow[] {
  const shared = a.methods
    .map(({ label }) => label)
    .filter((label) => b.methods.some((m) => m.label === label));
  // A federation is held against a central training by what each is about.
  const main = a.main === b.main ? a.main : `${a.main} | ${b.main}`;
  const pairs = [
    { method: main, left: a.main, right: b.main },
    ...shared
      .filter((label) => label !== main)
      .map((label) => ({ method: label, left: label, right: label })),
  ];
  return pairs.flatMap(({ method, left, right }) => {
    const of = (run: RunSummary, label: string) => run.methods.find((m) => m.label === label)?.metrics ?? {};
    return metricNames([of(a, left), of(b, right)]).map((metric): MetricRow => {
      const [first, second] = [of(a, left)[metric] ?? {}, of(b, right)[metric] ?? {}];
      const both = first.value !== undefined && second.value !== undefined;
      return {
        ...{ method, metric, a: first, b: second },
        ...(both && { difference: second.value - first.value }),
      };
    });
  });
}

function metricNames(all: readonly RunSummary['methods'][number]['metrics'][]): MetricName[] {
  // Object.keys forgets the names; those of the schema are METRIC_NAMES.
  return [...new Set(all.flatMap((metrics) => Object.keys(metrics)))] as MetricName[];
}

function headlineOf(rows: readonly MetricRow[], sameTest: boolean): string {
  const row = rows.find(({ metric }) => metric === 'accuracy');
  if (row?.a.value === undefined || row.b.value === undefined || row.difference === undefined) return '';
  const fact = `A is right in ${formatPercent(row.a.value)} of cases, B in ${formatPercent(row.b.value)} (${formatPoints(row.difference)})`;
  if (!sameTest) return `${fact}, but they were tested on different images.`;
  return overlap(row.a, row.b)
    ? `${fact}; the 95 % intervals overlap.`
    : `${fact}; the 95 % intervals do not overlap.`;
}

function overlap(a: Estimate, b: Estimate): boolean {
  if (!a.interval || !b.interval) return true;
  return a.interval.low <= b.interval.high && b.interval.low <= a.interval.high;
}
