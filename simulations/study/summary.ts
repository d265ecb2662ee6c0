/** What several runs say together: of each method the mean over seeds, and how much better federating was, in pairs. */
import {
  pairedTTest,
  summarise,
  type PairedComparison,
  type Summary,
} from '../../shared/learning/metrics/summary.ts';
import { csvText } from '../../shared/csv.ts';

export const STUDY_METRICS = ['accuracy', 'balancedAccuracy', 'auc'] as const;
export type StudyMetric = (typeof STUDY_METRICS)[number];

/** Of one method in one run; a metric without a value is absent. */
export interface MethodFigures {
  readonly label: string;
  readonly metrics: Readonly<Partial<Record<StudyMetric, number>>>;
}

export interface RunFigures {
  readonly finalDigest: string;
  readonly bestRound: number | undefined;
  readonly methods: readonly MethodFigures[];
}

/** All seeds of one combination. */
export interface Group {
  readonly label: string;
  readonly runs: readonly RunFigures[];
}

export interface SummaryRow {
  readonly settings: string;
  readonly method: string;
  readonly metric: StudyMetric;
  readonly summary: Summary;
  /** Federated minus this method over the same seeds. */
  readonly advantage?: PairedComparison;
}

/** The method that the others are held against. */
const REFERENCE = 'Federated';

const valuesOf = (runs: readonly RunFigures[], method: string, metric: StudyMetric): (number | undefined)[] =>
  runs.map(({ methods }) => methods.find(({ label }) => label === method)?.metrics[metric]);

/** Rows in the order of the groups, then of the methods, then of the metrics. */
export function summariseStudy(groups: readonly Group[]): SummaryRow[] {
  return groups.flatMap(({ label: settings, runs }) => {
    const methods = [...new Set(runs.flatMap((run) => run.methods.map(({ label }) => label)))];
    return methods.flatMap((method) =>
      STUDY_METRICS.map((metric): SummaryRow => {
        const values = valuesOf(runs, method, metric);
        const advantage = method === REFERENCE ? undefined : advantageOver(runs, values, metric);
        return { settings, method, metric, summary: summarise(values), ...(advantage && { advantage }) };
      }),
    );
  });
}

function advantageOver(
  runs: readonly RunFigures[],
  values: readonly (number | undefined)[],
  metric: StudyMetric,
): PairedComparison | undefined {
  const pairs = valuesOf(runs, REFERENCE, metric).flatMap((reference, i) => {
    const value = values[i];
    return reference === undefined || value === undefined ? [] : [[reference, value] as const];
  });
  return pairedTTest(
    pairs.map(([reference]) => reference),
    pairs.map(([, value]) => value),
  );
}

export const SUMMARY_COLUMNS = [
  'settings',
  'method',
  'metric',
  'seeds',
  'mean',
  'standard_deviation',
  'low',
  'high',
  'federated_minus_this',
  'difference_low',
  'difference_high',
  'p',
] as const;

/** Full precision; empty where there is no value. */
export function summaryCsv(rows: readonly SummaryRow[]): string {
  return csvText(
    SUMMARY_COLUMNS,
    rows.map(({ settings, method, metric, summary, advantage }) => [
      ...[settings, method, metric, summary.count, summary.mean, summary.standardDeviation],
      ...[summary.interval?.low, summary.interval?.high],
      ...[advantage?.difference, advantage?.interval.low, advantage?.interval.high, advantage?.p],
    ]),
  );
}

const METRIC_TITLES: Readonly<Record<StudyMetric, string>> = {
  accuracy: 'accuracy',
  balancedAccuracy: 'balanced accuracy',
  auc: 'AUC',
};

const decimals = (value: number | undefined): string => (value === undefined ? '–' : value.toFixed(3));

/** For the terminal: mean ± standard deviation, and federated minus the method with its 95 % interval. */
export function summaryTable(rows: readonly SummaryRow[]): string {
  const lines = [
    ['settings', 'method', 'metric', 'mean ± sd', 'federated − this [95 %]'],
    ...rows.map(({ settings, method, metric, summary, advantage }) => [
      settings || '–',
      method,
      METRIC_TITLES[metric],
      `${decimals(summary.mean)} ± ${decimals(summary.standardDeviation)}`,
      advantage
        ? `${decimals(advantage.difference)} [${decimals(advantage.interval.low)}, ${decimals(advantage.interval.high)}]`
        : '',
    ]),
  ];
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  return lines
    .map(
      (line) =>
        `${line
          .map((cell, i) => cell.padEnd(widths[i] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}
