/** The blocks that show one evaluation: curves, confusion matrix, reliability, tables by metric and by class. */
import {
  CLASS_METRIC_NAMES,
  METRIC_NAMES,
  type ClassEvaluation,
  type Estimate,
  type Evaluation,
  type MetricName,
} from '../../shared/learning/metrics/evaluation.ts';
import { formatCount, formatInterval, formatMetric } from '../../shared/format.ts';
import { CLASS_METRIC_LABELS, METRIC_LABELS } from '../../shared/learning/metrics/labels.ts';
import type { Block, Cell, HeatTable, LineChart, Series, TableBlock } from './model.ts';

const UNIT: readonly [number, number] = [0, 1];

/** A metric in a table: its value, and its interval below. */
export function estimateCell({ value, interval }: Estimate, strong = false): Cell {
  return {
    text: formatMetric(value),
    ...(interval === undefined ? {} : { detail: formatInterval(interval) }),
    ...(strong ? { strong } : {}),
  };
}

/** How the intervals of an evaluation were made, in a sentence; undefined where it has none. */
export function intervalSentence({ bootstrap }: Evaluation): string | undefined {
  if (bootstrap === undefined) return undefined;
  const unit = bootstrap.unit === 'patient' ? 'patients' : 'images';
  return `Intervals are 95 % bootstrap percentile intervals over ${unit} (${formatCount(bootstrap.replicates)} replicates, seed ${String(bootstrap.seed)}).`;
}

/** One row a metric, one column an evaluation. */
export function metricsTable(
  caption: string,
  columns: readonly { readonly label: string; readonly metrics: Readonly<Record<MetricName, Estimate>> }[],
): TableBlock {
  return {
    kind: 'table',
    caption,
    inline: true,
    columns: [{ label: 'Metric', numeric: false }, ...columns.map(({ label }) => ({ label, numeric: true }))],
    rows: METRIC_NAMES.map((name) => [
      { text: METRIC_LABELS[name] },
      ...columns.map(({ metrics }) => estimateCell(metrics[name])),
    ]),
  };
}

export function classTable({ classes }: Evaluation): TableBlock {
  return {
    kind: 'table',
    caption: 'By class, each against the rest',
    columns: [
      { label: 'Class', numeric: false },
      { label: 'Images', numeric: true },
      ...CLASS_METRIC_NAMES.map((name) => ({ label: CLASS_METRIC_LABELS[name], numeric: true })),
    ],
    rows: classes.map(({ name, support, metrics }) => [
      { text: name },
      { text: formatCount(support) },
      ...CLASS_METRIC_NAMES.map((metric) => estimateCell(metrics[metric])),
    ]),
  };
}

export function confusionTable(evaluation: Evaluation): HeatTable {
  return {
    kind: 'heat',
    caption: 'Confusion matrix (images, and share of the true class)',
    rowTitle: 'True class',
    columnTitle: 'Predicted class',
    columns: evaluation.classes.map(({ name }) => name),
    rows: evaluation.classes.map(({ name }, c) => ({ label: name, values: evaluation.confusion[c] ?? [] })),
  };
}

/** The classes worth a curve: of two classes only the positive one, as the other is its mirror image. */
function curveClasses({ classes }: Evaluation): readonly ClassEvaluation[] {
  return classes.length === 2 ? classes.slice(1) : classes;
}

/** Several evaluations of two classes give one curve each, named; otherwise one curve a class of the first. */
function curves(
  evaluations: readonly NamedEvaluation[],
  metric: 'auc' | 'averagePrecision',
  points: 'roc' | 'precisionRecall',
  short: string,
): Series[] {
  const first = evaluations[0];
  if (first === undefined) return [];
  const binary = first.evaluation.classes.length === 2;
  const shown =
    binary && evaluations.length > 1
      ? evaluations.flatMap(({ name, evaluation }) =>
          curveClasses(evaluation).map((entry) => ({ name, entry })),
        )
      : curveClasses(first.evaluation).map((entry) => ({ name: entry.name, entry }));
  return shown
    .filter(({ entry }) => entry[points].length > 0)
    .map(({ name, entry }) => ({
      name,
      detail: `${short} ${formatMetric(entry.metrics[metric].value)}`,
      points: entry[points].map(([x, y]) => ({ x, y })),
    }));
}

export interface NamedEvaluation {
  readonly name: string;
  readonly evaluation: Evaluation;
}

export function rocChart(evaluations: readonly NamedEvaluation[]): LineChart {
  return {
    kind: 'lines',
    title: 'ROC curve',
    description: `${positiveClass(evaluations)} The further a curve bends to the upper left, the better it separates.`,
    x: { label: 'False positive rate (1 − specificity)', domain: UNIT },
    y: { label: 'True positive rate (sensitivity)', domain: UNIT },
    series: curves(evaluations, 'auc', 'roc', 'AUC'),
    diagonal: 'chance',
  };
}

export function precisionRecallChart(evaluations: readonly NamedEvaluation[]): LineChart {
  return {
    kind: 'lines',
    title: 'Precision and recall',
    description: `${positiveClass(evaluations)} Depends on how common the class is, unlike the ROC curve.`,
    x: { label: 'Recall (sensitivity)', domain: UNIT },
    y: { label: 'Precision', domain: UNIT },
    series: curves(evaluations, 'averagePrecision', 'precisionRecall', 'AP'),
  };
}

function positiveClass(evaluations: readonly NamedEvaluation[]): string {
  const classes = evaluations[0]?.evaluation.classes ?? [];
  const positive = classes[1];
  return classes.length === 2 && positive !== undefined
    ? `Positive class: ${positive.name}.`
    : 'Each class against the rest.';
}

export function reliabilityChart({ reliability, metrics }: Evaluation): LineChart {
  const largest = reliability.reduce((most, { count }) => Math.max(most, count), 1);
  return {
    kind: 'lines',
    title: 'Calibration',
    description:
      'Of the images predicted with a certain confidence, the share that is right. Below the diagonal the model is overconfident. Larger marks hold more images.',
    x: { label: 'Confidence of the prediction', domain: UNIT },
    y: { label: 'Share that is right', domain: UNIT },
    series: [
      {
        name: 'model',
        detail: `calibration error ${formatMetric(metrics.calibrationError.value)}`,
        marks: true,
        points: reliability.flatMap(({ confidence, accuracy, count }) =>
          confidence === undefined || accuracy === undefined
            ? []
            : [{ x: confidence, y: accuracy, size: Math.sqrt(count / largest) }],
        ),
      },
    ],
    diagonal: 'perfect calibration',
  };
}

/** What the threshold that reaches the wanted sensitivity gives; nothing for more than two classes. */
export function operatingPointTable({ binary, classes }: Evaluation): readonly Block[] {
  const point = binary?.operatingPoint;
  if (point === undefined) return [];
  const positive = classes[1]?.name ?? 'class 1';
  const rows: readonly (readonly [string, number | undefined])[] = [
    ['Threshold', point.threshold],
    ['Sensitivity', point.sensitivity],
    ['Specificity', point.specificity],
    ['Positive predictive value', point.positivePredictiveValue],
    ['Negative predictive value', point.negativePredictiveValue],
  ];
  return [
    {
      kind: 'table',
      caption: `Operating point for “${positive}”`,
      note: `The highest threshold with a sensitivity of at least ${formatMetric(point.wantedSensitivity)}; chosen on these same images, and so optimistic.`,
      columns: [
        { label: 'Rate', numeric: false },
        { label: 'Value', numeric: true },
      ],
      rows: rows.map(([label, value]) => [{ text: label }, { text: formatMetric(value) }]),
    },
  ];
}
