/** The report of a simulated federation: local only, federated and pooled on the held-out global test set, and how it went. */
import {
  METRIC_NAMES,
  type Estimate,
  type Evaluation,
  type MetricName,
} from '../../shared/learning/metrics/evaluation.ts';
import { summarise } from '../../shared/learning/metrics/summary.ts';
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
import { counted, formatBytes, formatCount, formatDuration, formatMetric } from './format.ts';
import { METRIC_LABELS } from './labels.ts';
import type {
  Block,
  Cell,
  HeatTable,
  IntervalChart,
  KeyFigure,
  LineChart,
  ReportModel,
  Section,
  TableBlock,
} from './model.ts';
import { progressCharts, type Progress } from './progress-charts.ts';
import type { FederationResult, RoundResult, SiteEvaluation } from './result-types.ts';
import { settingsTable } from './settings.ts';
import { estimateFigure, shortDigest } from './train-report.ts';

/** One of the ways to train that are compared. */
export interface ComparedMethod {
  readonly label: string;
  readonly metrics: Readonly<Record<MetricName, Estimate>>;
}

/** Local only, federated, personalised, fine-tuned, pooled: those that the result holds; of the sites' models the mean. */
export function comparedMethods({ test }: FederationResult): ComparedMethod[] {
  const { local, federated, personalised, finetuned, pooled } = test;
  return [
    ...siteModels('Local only', local),
    { label: 'Federated', metrics: federated.metrics },
    ...siteModels('Federated, personalised', personalised),
    ...siteModels('Federated, fine-tuned', finetuned),
    ...(pooled === undefined ? [] : [{ label: 'Pooled', metrics: pooled.metrics }]),
  ];
}

function siteModels(label: string, models: readonly SiteEvaluation[] = []): ComparedMethod[] {
  if (models.length === 0) return [];
  return [{ label, metrics: meanOverSites(models.map(({ evaluation }) => evaluation)) }];
}

/** Of each metric the mean over the sites' models, with the 95 % t-interval of that mean. */
export function meanOverSites(evaluations: readonly Evaluation[]): Record<MetricName, Estimate> {
  const entries = METRIC_NAMES.map((name): [MetricName, Estimate] => {
    const { mean, interval } = summarise(evaluations.map(({ metrics }) => metrics[name].value));
    return [
      name,
      {
        ...(mean === undefined ? {} : { value: mean }),
        ...(interval === undefined ? {} : { interval }),
      },
    ];
  });
  // Object.fromEntries forgets the names' union; METRIC_NAMES is all of it.
  return Object.fromEntries(entries) as Record<MetricName, Estimate>;
}

export function federationReport(result: FederationResult): ReportModel {
  const { dataset, sites, rounds } = result;
  return {
    title: result.title,
    subtitle: `Federation of ${counted(sites.length, 'virtual hospital')} over ${counted(rounds.length, 'round')} on ${datasetSentence(dataset)}; seed ${String(result.seed)}.`,
    notes: notesOf(dataset, result.notes),
    figures: keyFigures(result),
    sections: [
      comparisonSection(result),
      federatedSection(result),
      roundsSection(result),
      {
        title: 'Sites and data',
        text: 'The held-out global test set was cut before anything else; no site trained on it.',
        blocks: [partitionTable(result), splitTable(dataset)],
      },
      {
        title: 'How it was made',
        text: `Weights of the final model (SHA-512): ${shortDigest(result.weightsDigest)}`,
        blocks: [
          settingsTable('Plan', result.plan),
          {
            kind: 'details',
            summary: 'Environment',
            blocks: [settingsTable('Environment', result.environment)],
          },
        ],
      },
    ],
    footer: 'Made by Consilium. This file contains no images of patients and makes no request.',
  };
}

function keyFigures(result: FederationResult): KeyFigure[] {
  const { metrics } = result.test.federated;
  const bytes = total(result.rounds, ({ bytesUp, bytesDown }) => (bytesUp ?? 0) + (bytesDown ?? 0));
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
      ? [{ label: 'Sent over the network', value: formatBytes(bytes), detail: 'all sites, both directions' }]
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
      ...localBlocks(result),
    ],
  };
}

function comparisonChart(name: MetricName, methods: readonly ComparedMethod[]): IntervalChart {
  return {
    kind: 'intervals',
    title: METRIC_LABELS[name],
    description: 'Value and 95 % interval; further right is better.',
    axis: { label: METRIC_LABELS[name] },
    rows: methods.map(({ label, metrics }) => intervalRow(label, metrics[name], label === 'Federated')),
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

/** Each site's own model, folded away; the federated one for comparison. */
function localBlocks({ test, sites }: FederationResult): readonly Block[] {
  const { local, federated } = test;
  if (local === undefined || local.length === 0) return [];
  const name: MetricName = 'balancedAccuracy';
  const images = new Map(
    sites.map((site) => [site.name, site.classCounts.reduce((a, b) => a + b, 0)] as const),
  );
  return [
    {
      kind: 'details',
      summary: 'Each site alone',
      blocks: [
        {
          kind: 'intervals',
          title: `${METRIC_LABELS[name]} of each site’s own model`,
          description:
            'On the held-out global test set, with 95 % intervals; number of training images in brackets.',
          axis: { label: METRIC_LABELS[name] },
          rows: [
            ...local.map(({ site, evaluation }) =>
              intervalRow(`${site} (${formatCount(images.get(site) ?? 0)})`, evaluation.metrics[name], false),
            ),
            intervalRow('Federated', federated.metrics[name], true),
          ],
        },
      ],
    },
  ];
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
      { kind: 'row', blocks: [confusionTable(federated), ...operatingPointTable(federated)] },
      classTable(federated),
    ],
  };
}

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
          ...siteLossChart(rounds),
        ],
      },
      ...timingBlocks(result),
      ...dropBlocks(result),
      { kind: 'details', summary: 'Every round', blocks: [roundTable(rounds)] },
    ],
  };
}

/** Up to this many sites each have a colour; beyond, they stay in the background. */
const COLOURED_SITES = 6;

function siteLossChart(rounds: readonly RoundResult[]): LineChart[] {
  const names = [...new Set(rounds.flatMap(({ sites }) => (sites ?? []).map(({ site }) => site)))];
  if (names.length === 0) return [];
  const many = names.length > COLOURED_SITES;
  const perSite = names.map((name) => ({
    name,
    background: many,
    points: rounds.map(({ round, sites }) => {
      const loss = sites?.find(({ site }) => site === name)?.loss;
      return loss === undefined ? { x: round } : { x: round, y: loss };
    }),
  }));
  const mean = {
    name: 'mean over sites',
    points: rounds.flatMap(({ round, loss }) => (loss === undefined ? [] : [{ x: round, y: loss }])),
  };
  return [
    {
      kind: 'lines',
      title: 'Training loss at each site',
      description: 'Mean loss of the local epochs of each round. Gaps are rounds that a site did not finish.',
      x: { label: 'Round', whole: true },
      y: { label: 'Loss' },
      series: many ? [...perSite, mean] : perSite,
      backgroundName: `each of ${String(names.length)} sites`,
    },
  ];
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

function timingBlocks({ timings, rounds }: FederationResult): readonly Block[] {
  const up = total(rounds, ({ bytesUp }) => bytesUp ?? 0);
  const down = total(rounds, ({ bytesDown }) => bytesDown ?? 0);
  const network: TableBlock = keyValueTable('Sent over the network', [
    ['Sites to coordinator', formatBytes(up)],
    ['Coordinator to sites', formatBytes(down)],
  ]);
  const time = keyValueTable(
    'Time',
    (timings ?? []).map(({ phase, durationMs }) => [phase, formatDuration(durationMs)]),
  );
  const shown = [...(time.rows.length > 0 ? [time] : []), ...(up + down > 0 ? [network] : [])];
  return shown.length === 0 ? [] : [{ kind: 'row', blocks: shown }];
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
