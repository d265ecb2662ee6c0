/** The report of `consilium train`: test results, curves, data, settings, over one or several seeds. */
import {
  METRIC_NAMES,
  type Estimate,
  type Evaluation,
  type MetricName,
} from '../../shared/learning/metrics/evaluation.ts';
import { summarise, type Summary } from '../../shared/learning/metrics/summary.ts';
import { datasetSentence, notesOf, splitTable } from './dataset-blocks.ts';
import {
  classTable,
  confusionTable,
  estimateCell,
  intervalSentence,
  metricsTable,
  operatingPointTable,
  precisionRecallChart,
  reliabilityChart,
  rocChart,
} from './evaluation-blocks.ts';
import { formatDuration, formatInterval, formatMetric } from '../../shared/format.ts';
import { KEY_METRICS, METRIC_LABELS } from '../../shared/learning/metrics/labels.ts';
import type { Block, ImageGrid, KeyFigure, ReportModel, Section, TableBlock } from './model.ts';
import { progressCharts } from './progress-charts.ts';
import type { SeedResult, TrainResult } from './result-types.ts';
import { imageFooter, sampleSection } from './sample-section.ts';
import { settingsTable } from './settings.ts';
import { subgroupsSection } from './subgroup-blocks.ts';

/** Of each metric, mean, standard deviation and 95 % t-interval over the seeds. */
export function summariseSeeds(seeds: readonly SeedResult[]): Record<MetricName, Summary> {
  const entries = METRIC_NAMES.map((name): [MetricName, Summary] => [
    name,
    summarise(seeds.map(({ test }) => test.metrics[name].value)),
  ]);
  // Object.fromEntries forgets the names' union; METRIC_NAMES is all of it.
  return Object.fromEntries(entries) as Record<MetricName, Summary>;
}

/** @param samples test images with heat maps; see explain/samples.ts for when they may be shown */
export function trainReport(result: TrainResult, samples?: ImageGrid): ReportModel {
  const { seeds, dataset } = result;
  const first = seeds[0];
  return {
    title: result.title,
    subtitle: `Central training on ${datasetSentence(dataset)}; ${seedSentence(seeds)}.`,
    notes: notesOf(dataset, result.notes),
    figures: KEY_METRICS.map((name) => keyFigure(name, seeds)),
    sections: [
      ...(first === undefined ? [] : [resultSection(seeds, first)]),
      ...subgroupsSection(result.subgroupTests),
      ...sampleSection(samples),
      {
        title: 'Training',
        text: 'The kept weights are those of the best epoch on the validation images; the test images had no part in it.',
        blocks: [{ kind: 'row', blocks: trainingCharts(seeds) }, ...seedTable(seeds)],
      },
      { title: 'Data', blocks: [splitTable(dataset)] },
      {
        title: 'How it was made',
        blocks: [
          settingsTable('Recipe', result.recipe),
          {
            kind: 'details',
            summary: 'Environment',
            blocks: [settingsTable('Environment', result.environment)],
          },
        ],
      },
    ],
    footer: imageFooter(dataset, samples),
  };
}

function seedSentence(seeds: readonly SeedResult[]): string {
  const numbers = seeds.map(({ seed }) => String(seed)).join(', ');
  return seeds.length === 1 ? `seed ${numbers}` : `${String(seeds.length)} seeds (${numbers})`;
}

function keyFigure(name: MetricName, seeds: readonly SeedResult[]): KeyFigure {
  const label = `${METRIC_LABELS[name]}, test`;
  const first = seeds[0];
  if (seeds.length === 1 && first !== undefined)
    return { label, ...estimateFigure(first.test.metrics[name]) };
  const { mean, standardDeviation, count } = summarise(seeds.map(({ test }) => test.metrics[name].value));
  return {
    label,
    value: formatMetric(mean),
    ...(standardDeviation === undefined
      ? {}
      : { detail: `± ${formatMetric(standardDeviation)} over ${String(count)} seeds` }),
  };
}

/** A value with its interval below. */
export function estimateFigure({ value, interval }: Estimate): Pick<KeyFigure, 'value' | 'detail'> {
  return {
    value: formatMetric(value),
    ...(interval === undefined ? {} : { detail: `95 %: ${formatInterval(interval)}` }),
  };
}

function resultSection(seeds: readonly SeedResult[], first: SeedResult): Section {
  const several = seeds.length > 1;
  const evaluations = seeds.map(({ seed, test }) => ({ name: `seed ${String(seed)}`, evaluation: test }));
  const binary = first.test.classes.length === 2;
  const which = several
    ? `Confusion matrix, reliability and values by class are those of seed ${String(first.seed)}${binary ? '' : ', and so are the curves'}.`
    : '';
  return {
    title: 'Test results',
    text: [which, intervalSentence(first.test)].filter(Boolean).join(' '),
    blocks: [
      {
        kind: 'row',
        blocks: [rocChart(evaluations), precisionRecallChart(evaluations), reliabilityChart(first.test)],
      },
      { kind: 'row', blocks: [confusionTable(first.test), ...operatingPointTable(first.test)] },
      classTable(first.test),
      several ? seedMetricsTable(seeds) : metricsTable('All metrics', [column('Value', first.test)]),
    ],
  };
}

const column = (label: string, { metrics }: Evaluation) => ({ label, metrics });

/** More seeds than this are in metrics.csv, not in columns. */
const SEED_COLUMNS = 5;

function seedMetricsTable(seeds: readonly SeedResult[]): TableBlock {
  const summaries = summariseSeeds(seeds);
  const shown = seeds.slice(0, SEED_COLUMNS);
  return {
    kind: 'table',
    caption: 'All metrics over seeds (95 % interval of the mean by Student’s t)',
    inline: seeds.length <= 2,
    columns: [
      { label: 'Metric', numeric: false },
      { label: 'Mean', numeric: true },
      { label: 'Standard deviation', numeric: true },
      ...shown.map(({ seed }) => ({ label: `Seed ${String(seed)}`, numeric: true })),
    ],
    rows: METRIC_NAMES.map((name) => {
      const { mean, standardDeviation, interval } = summaries[name];
      return [
        { text: METRIC_LABELS[name] },
        estimateCell(
          {
            ...(mean === undefined ? {} : { value: mean }),
            ...(interval === undefined ? {} : { interval }),
          },
          true,
        ),
        { text: formatMetric(standardDeviation) },
        ...shown.map(({ test }) => estimateCell(test.metrics[name])),
      ];
    }),
  };
}

function trainingCharts(seeds: readonly SeedResult[]): readonly Block[] {
  const best = seeds.length === 1 ? seeds[0]?.bestEpoch : undefined;
  return progressCharts(
    seeds.map(({ epochs }) => epochs.map(({ epoch, ...rest }) => ({ step: epoch, ...rest }))),
    { unit: 'epoch', ...(best === undefined ? {} : { best }) },
  );
}

function seedTable(seeds: readonly SeedResult[]): readonly Block[] {
  return [
    {
      kind: 'table',
      caption: 'Runs',
      columns: [
        { label: 'Seed', numeric: false },
        { label: 'Epochs', numeric: true },
        { label: 'Kept epoch', numeric: true },
        { label: 'Time', numeric: true },
        { label: 'Weights (SHA-512)', numeric: false },
      ],
      rows: seeds.map(({ seed, epochs, bestEpoch, durationMs, weightsDigest }) => [
        { text: String(seed) },
        { text: String(epochs.length) },
        { text: bestEpoch === undefined ? '–' : String(bestEpoch) },
        { text: durationMs === undefined ? '–' : formatDuration(durationMs) },
        { text: shortDigest(weightsDigest) },
      ]),
    },
  ];
}

/** Enough of a digest to tell runs apart by eye. */
export function shortDigest(digest: string | undefined): string {
  if (digest === undefined) return '–';
  return digest.length > 20 ? `${digest.slice(0, 16)}…` : digest;
}
