/** The report of a simulated federation: local only, federated and pooled on the held-out global test set, and how it went. */
import type { Estimate, MetricName } from '../../shared/learning/metrics/evaluation.ts';
import { datasetSentence, notesOf, splitTable } from './dataset-blocks.ts';
import {
  classTable,
  confusionTable,
  intervalSentence,
  metricsTable,
  operatingPointTable,
  precisionRecallChart,
  reliabilityChart,
  rocChart,
} from './evaluation-blocks.ts';
import { counted, formatBytes, formatCount, formatDuration, formatMetric } from '../../shared/format.ts';
import { headline } from './headline.ts';
import { METRIC_LABELS } from '../../shared/learning/metrics/labels.ts';
import { comparedMethods, type ComparedMethod } from './methods.ts';
import type {
  Block,
  Cell,
  HeatTable,
  ImageGrid,
  IntervalChart,
  KeyFigure,
  ReportModel,
  Section,
  TableBlock,
} from './model.ts';
import { progressCharts, type Progress } from './progress-charts.ts';
import type { FederationResult, RoundResult } from './result-types.ts';
import { imageFooter, sampleSection } from './sample-section.ts';
import { settingsTable } from './settings.ts';
import { siteCharts, sitesSection, trafficTable } from './site-blocks.ts';
import { subgroupsSection } from './subgroup-blocks.ts';
import { estimateFigure } from './train-report.ts';

/** @param samples test images with heat maps; see explain/samples.ts for when they may be shown */
export function federationReport(result: FederationResult, samples?: ImageGrid): ReportModel {
  const { dataset, sites, rounds } = result;
  return {
    title: result.title,
    subtitle: `Federation of ${counted(sites.length, 'virtual hospital')} over ${counted(rounds.length, 'round')} on ${datasetSentence(dataset)}; seed ${String(result.seed)}.`,
    headline: headline(result),
    notes: notesOf(dataset, result.notes),
    figures: keyFigures(result),
    sections: [
      comparisonSection(result),
      ...sitesSection(result),
      federatedSection(result),
      ...subgroupsSection(result.subgroupTests),
      ...sampleSection(samples),
      roundsSection(result),
      {
        title: 'Sites and data',
        text: 'The held-out global test set was cut before anything else; no site trained on it.',
        blocks: [
          { kind: 'row', blocks: [partitionTable(result), splitTable(dataset)] },
          ...countsTable(result),
        ],
      },
      {
        title: 'How it was made',
        text: 'The same seed and settings give the same weights on the same engine, for any number of workers.',
        blocks: [
          digestTable(result),
          { kind: 'details', summary: 'Settings', blocks: [settingsTable('Plan', result.plan)] },
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

/** What names this run's plan and weights. */
function digestTable({ planHash, weightsDigest, finalDigest, bestRound }: FederationResult): TableBlock {
  const kept = bestRound === undefined ? 'Kept weights' : `Kept weights (round ${String(bestRound)})`;
  const rows = [
    ['Plan', planHash],
    [kept, weightsDigest],
    ['Weights after the last round', finalDigest],
  ] as const;
  return {
    kind: 'table',
    caption: 'SHA-512',
    columns: [
      { label: 'Of', numeric: false },
      { label: 'Digest', numeric: false },
    ],
    rows: rows.flatMap(([label, digest]) =>
      digest === undefined ? [] : [[{ text: label }, { text: digest, code: true }]],
    ),
  };
}

function keyFigures(result: FederationResult): KeyFigure[] {
  const { metrics } = result.test.federated;
  const bytes = total(result.rounds, ({ bytesUp }) => bytesUp ?? 0);
  const drops = result.rounds.flatMap(({ dropped }) => dropped ?? []).length;
  const participation: KeyFigure = {
    label: 'Rounds',
    value: String(result.rounds.length),
    detail: dropsSentence(drops),
  };
  return [
    { label: `${METRIC_LABELS.accuracy}, federated`, ...estimateFigure(metrics.accuracy) },
    { label: `${METRIC_LABELS.auc}, federated`, ...estimateFigure(metrics.auc) },
    participation,
    ...(bytes > 0
      ? [
          {
            label: 'Sent by each site',
            value: formatBytes(bytes / Math.max(1, result.sites.length)),
            detail: 'mean over sites, all rounds',
          },
        ]
      : []),
  ];
}

function dropsSentence(drops: number): string {
  if (drops === 0) return 'no site was dropped';
  return drops === 1 ? 'a site was dropped once' : `sites were dropped ${formatCount(drops)} times`;
}

const COMPARED_METRICS = ['accuracy', 'auc', 'balancedAccuracy'] as const satisfies readonly MetricName[];

function comparisonSection(result: FederationResult): Section {
  const methods = comparedMethods(result);
  const sentences = [
    'All on the held-out global test set.',
    'Local only: each site alone with its own images, mean over sites with the 95 % interval of that mean.',
    ...(result.test.personalised
      ? ['Personalised: the federated model with each site’s own normalisation layers, mean over sites.']
      : []),
    ...(result.test.finetuned
      ? ['Fine-tuned: the federated model after each site trained on with its own images, mean over sites.']
      : []),
    'Pooled: all images in one place, which hospitals cannot do; the bound to aim at.',
    intervalSentence(result.test.federated),
  ];
  return {
    title: 'Local only, federated, pooled',
    text: sentences.filter(Boolean).join(' '),
    blocks: [
      { kind: 'row', blocks: COMPARED_METRICS.map((name) => comparisonChart(name, methods)) },
      metricsTable('All metrics on the held-out global test set', methods),
    ],
  };
}

function comparisonChart(name: MetricName, methods: readonly ComparedMethod[]): IntervalChart {
  return {
    kind: 'intervals',
    title: METRIC_LABELS[name],
    description: 'Value and 95 % interval; further right is better.',
    axis: { label: METRIC_LABELS[name] },
    rows: methods.map((method) =>
      intervalRow(method.label, method.metrics[name], method.name === 'federated'),
    ),
  };
}

function intervalRow(
  label: string,
  { value, interval }: Estimate,
  emphasis: boolean,
): IntervalChart['rows'][number] {
  return {
    label,
    ...(value === undefined ? {} : { value }),
    ...(interval === undefined ? {} : interval),
    emphasis,
  };
}

function federatedSection({ test }: FederationResult): Section {
  const { federated, pooled } = test;
  const evaluations = [
    { name: 'federated', evaluation: federated },
    ...(pooled === undefined ? [] : [{ name: 'pooled', evaluation: pooled }]),
  ];
  return {
    title: 'The federated model',
    blocks: [
      {
        kind: 'row',
        blocks: [rocChart(evaluations), precisionRecallChart(evaluations), reliabilityChart(federated)],
      },
      besideEachOther([confusionTable(federated), ...operatingPointTable(federated)]),
      classTable(federated),
    ],
  };
}

/** A row of one block would be as wide as the page. */
const besideEachOther = (blocks: readonly Block[]): Block => {
  const [only, ...others] = blocks;
  return only !== undefined && others.length === 0 ? only : { kind: 'row', blocks };
};

function roundsSection(result: FederationResult): Section {
  const { rounds, bestRound } = result;
  return {
    title: 'Rounds',
    blocks: [
      {
        kind: 'row',
        blocks: [
          ...progressCharts([rounds.map(progressOf)], {
            unit: 'round',
            ...(bestRound === undefined ? {} : { best: bestRound }),
          }),
          ...siteCharts(rounds),
        ],
      },
      ...timingBlocks(result),
      ...dropBlocks(result),
      { kind: 'details', summary: 'Every round', blocks: [roundTable(rounds)] },
    ],
  };
}

function partitionTable({ sites, dataset }: FederationResult): HeatTable {
  return {
    kind: 'heat',
    caption: 'Training images by site and class (shade: share within the site)',
    rowTitle: 'Site',
    columnTitle: 'Class',
    columns: dataset.classNames,
    rows: sites.map(({ name, classCounts }) => ({ label: name, values: classCounts })),
    totals: true,
  };
}

/** What the coordinator itself knows of the sites' classes; the table beside it is the simulation's own knowledge. */
function countsTable({ counts, dataset }: FederationResult): HeatTable[] {
  if (!counts) return [];
  const { classCounts, survivors, cohort } = counts;
  return [
    {
      kind: 'heat',
      caption: 'Training images that were counted before the first round: the sum, as every site was told it',
      rowTitle: 'Sites',
      columnTitle: 'Class',
      columns: dataset.classNames,
      rows: [{ label: `${String(survivors)} of ${String(cohort)} together`, values: classCounts }],
      totals: false,
    },
  ];
}

function timingBlocks(result: FederationResult): readonly Block[] {
  const time = keyValueTable(
    'Time',
    (result.timings ?? []).map(({ phase, durationMs }) => [phase, formatDuration(durationMs)]),
  );
  const shown = [...(time.rows.length > 0 ? [time] : []), ...networkTable(result)];
  return shown.length === 0 ? [] : [{ kind: 'row', blocks: shown }];
}

/** By site where that was counted and can still be read. */
const LISTED_SITES = 20;

function networkTable(result: FederationResult): readonly TableBlock[] {
  const { rounds, sites } = result;
  const bySite = sites.length <= LISTED_SITES ? trafficTable(result) : [];
  if (bySite.length > 0) return bySite;
  const up = total(rounds, ({ bytesUp }) => bytesUp ?? 0);
  const down = total(rounds, ({ bytesDown }) => bytesDown ?? 0);
  if (up + down === 0) return [];
  return [
    keyValueTable('Sent over the network', [
      ['Sites to coordinator', formatBytes(up)],
      ['Coordinator to sites', formatBytes(down)],
    ]),
  ];
}

/** Who was missing how often, and why; nothing where nobody was. */
function dropBlocks({ rounds, sites }: FederationResult): readonly Block[] {
  const drops = rounds.flatMap(({ dropped }) => dropped ?? []);
  if (drops.length === 0) return [];
  const reasons = [...new Set(drops.map(({ reason }) => reason))];
  const missing = sites.filter(({ name }) => drops.some(({ site }) => site === name));
  return [
    {
      kind: 'heat',
      caption: 'Rounds without a site, by reason',
      rowTitle: 'Site',
      columnTitle: 'Reason',
      columns: reasons,
      rows: missing.map(({ name }) => ({
        label: name,
        values: reasons.map((reason) => drops.filter((d) => d.site === name && d.reason === reason).length),
      })),
      totals: true,
    },
  ];
}

function keyValueTable(caption: string, rows: readonly (readonly [string, string])[]): TableBlock {
  return {
    kind: 'table',
    caption,
    columns: [
      { label: 'What', numeric: false },
      { label: 'Amount', numeric: true },
    ],
    rows: rows.map(([label, value]) => [{ text: label }, { text: value }]),
  };
}

function roundTable(rounds: readonly RoundResult[]): TableBlock {
  const hasFaults = rounds.some(({ faults, aborted }) => faults ?? aborted);
  return {
    kind: 'table',
    caption: 'Rounds',
    columns: [
      { label: 'Round', numeric: false },
      { label: 'Sites', numeric: true },
      { label: 'Loss', numeric: true },
      { label: 'Time', numeric: true },
      { label: 'Up', numeric: true },
      { label: 'Down', numeric: true },
      { label: 'Dropped', numeric: false },
      ...(hasFaults ? [{ label: 'Faults of the scenario', numeric: false }] : []),
    ],
    rows: rounds.map(({ round, cohort, survivors, loss, durationMs, bytesUp, bytesDown, ...rest }) => [
      { text: String(round) },
      { text: `${String(survivors)} of ${String(cohort)}` },
      { text: formatMetric(loss) },
      { text: durationMs === undefined ? '–' : formatDuration(durationMs) },
      { text: bytesUp === undefined ? '–' : formatBytes(bytesUp) },
      { text: bytesDown === undefined ? '–' : formatBytes(bytesDown) },
      { text: (rest.dropped ?? []).map(({ site, reason }) => `${site}: ${reason}`).join('; ') || '–' },
      ...(hasFaults ? [faultsCell(rest)] : []),
    ]),
  };
}

function faultsCell({ faults = [], aborted = [] }: Pick<RoundResult, 'faults' | 'aborted'>): Cell {
  const text = faults.map(({ site, fault }) => `${site}: ${fault}`).join('; ') || '–';
  if (aborted.length === 0) return { text };
  const attempts = aborted.map(({ attempt, reason }) => `attempt ${String(attempt)}: ${reason}`);
  return { text, detail: `tried again after ${attempts.join('; ')}` };
}

function total(rounds: readonly RoundResult[], valueOf: (round: RoundResult) => number): number {
  return rounds.reduce((running, round) => running + valueOf(round), 0);
}

/** The sites' own verdict stands beside the coordinator's; it is about the model that the round began with. */
function progressOf({ round, validation, localValidation, ...rest }: RoundResult): Progress {
  const own = localValidation && { 'accuracy at the sites, before the round': localValidation.accuracy };
  const all = validation || own ? { validation: { ...validation, ...own } } : {};
  return { step: round, ...rest, ...all };
}
