/** What each site gets from the federation, and what it sends for it. */
import type { MetricName } from '../../shared/learning/metrics/evaluation.ts';
import { estimateCell } from './evaluation-blocks.ts';
import { formatBytes, formatCount } from '../../shared/format.ts';
import { gainText } from './headline.ts';
import { METRIC_LABELS } from '../../shared/learning/metrics/labels.ts';
import { METHOD_LABELS } from './methods.ts';
import type { BarChart, Block, LineChart, Section, TableBlock } from './model.ts';
import { METHOD_NAMES, type FederationResult, type MethodName, type RoundResult } from './result-types.ts';

const CHARTED = ['accuracy', 'auc'] as const satisfies readonly MetricName[];

const CHART_NOTES: Readonly<Record<(typeof CHARTED)[number], string>> = {
  accuracy: 'With 95 % intervals.',
  auc: 'With 95 % intervals. A site whose test images are all of one class has no ROC AUC.',
};

/** Bars of more sites than this are folded away: nobody compares them by eye. */
const UNFOLDED_SITES = 12;

/** Nothing where no site has test images of its own. */
export function sitesSection(result: FederationResult): Section[] {
  const { siteTests = [] } = result;
  if (siteTests.length === 0) return [];
  const charts: Block = { kind: 'row', blocks: CHARTED.map((name) => siteBars(name, result)) };
  const shown: readonly Block[] = [charts, siteTable(result)];
  return [
    {
      title: 'Site by site',
      text:
        'Each site’s share of the held-out test images, which are dealt as its training images were: images like its own, ' +
        'on which no site has trained. Few images make wide intervals. The gain is the accuracy of the federated model minus that of the ' +
        'site’s own model on the same images.',
      blocks:
        siteTests.length <= UNFOLDED_SITES
          ? shown
          : [{ kind: 'details', summary: `All ${formatCount(siteTests.length)} sites`, blocks: shown }],
    },
  ];
}

/** Those that the result compares, in the order of the tables. */
function methodsOf({ siteTests = [] }: FederationResult): MethodName[] {
  return METHOD_NAMES.filter((name) => siteTests.some(({ figures }) => figures[name]));
}

function siteBars(metric: (typeof CHARTED)[number], result: FederationResult): BarChart {
  const methods = methodsOf(result);
  return {
    kind: 'bars',
    title: `${METRIC_LABELS[metric]} at each site`,
    description: CHART_NOTES[metric],
    axis: { label: METRIC_LABELS[metric], domain: [0, 1] },
    series: methods.map((name) => METHOD_LABELS[name]),
    groups: (result.siteTests ?? []).map(({ site, figures }) => ({
      label: site,
      bars: methods.map((name) => {
        const { value, interval } = figures[name]?.[metric] ?? {};
        return { ...(value !== undefined && { value }), ...interval };
      }),
    })),
  };
}

function siteTable(result: FederationResult): TableBlock {
  const methods = methodsOf(result);
  const images = new Map(result.sites.map(({ name, classCounts }) => [name, sum(classCounts)]));
  const tests = result.siteTests ?? [];
  const hasGain = tests.some((entry) => gainText(entry) !== undefined);
  return {
    kind: 'table',
    caption: 'Accuracy on each site’s share of the held-out test images',
    columns: [
      { label: 'Site', numeric: false },
      ...methods.map((name) => ({ label: METHOD_LABELS[name], numeric: true })),
      ...(hasGain ? [{ label: 'Gain (points)', numeric: true }] : []),
    ],
    rows: tests.map((entry) => {
      const [gain = '–', range] = gainText(entry)?.split(' (') ?? [];
      const counts = [images.get(entry.site) ?? 0, sum(entry.classCounts)].map(formatCount);
      return [
        { text: entry.site, detail: `trained on ${counts[0] ?? ''}, tested on ${counts[1] ?? ''}` },
        ...methods.map((name) => estimateCell(entry.figures[name]?.accuracy ?? {})),
        ...(hasGain ? [{ text: gain, ...(range && { detail: range.replace(')', '') }) }] : []),
      ];
    }),
  };
}

const sum = (counts: readonly number[]): number => counts.reduce((a, b) => a + b, 0);

/** Up to this many sites each have a colour; beyond, they stay in the background. */
const COLOURED_SITES = 6;

/** Training loss of each site and, where sites set images aside, how the global model does on them. */
export function siteCharts(rounds: readonly RoundResult[]): LineChart[] {
  return [
    ...siteChart(rounds, {
      title: 'Training loss at each site',
      description:
        'Mean loss of the local training of each round. Gaps are rounds that a site did not finish.',
      axis: 'Loss',
      valueOf: ({ loss }) => loss,
      mean: ({ loss }) => loss,
    }),
    ...siteChart(rounds, {
      title: 'Accuracy at each site',
      description:
        'Of the global model before the round, on the validation images that each site keeps to itself.',
      axis: 'Accuracy',
      valueOf: ({ validation }) => validation?.accuracy,
      mean: ({ localValidation }) => localValidation?.accuracy,
    }),
  ];
}

interface SiteChartOptions {
  readonly title: string;
  readonly description: string;
  readonly axis: string;
  readonly valueOf: (site: NonNullable<RoundResult['sites']>[number]) => number | undefined;
  readonly mean: (round: RoundResult) => number | undefined;
}

function siteChart(rounds: readonly RoundResult[], options: SiteChartOptions): LineChart[] {
  const { title, description, axis, valueOf, mean } = options;
  const valued = rounds.flatMap(({ sites = [] }) => sites.filter((site) => valueOf(site) !== undefined));
  const names = [...new Set(valued.map(({ site }) => site))];
  if (names.length === 0) return [];
  const many = names.length > COLOURED_SITES;
  const perSite = names.map((name) => ({
    name,
    background: many,
    points: rounds.map(({ round, sites }) => {
      const entry = sites?.find(({ site }) => site === name);
      const value = entry && valueOf(entry);
      return value === undefined ? { x: round } : { x: round, y: value };
    }),
  }));
  const overall = {
    name: 'mean over sites',
    points: rounds.flatMap((round) => {
      const y = mean(round);
      return y === undefined ? [] : [{ x: round.round, y }];
    }),
  };
  return [
    {
      kind: 'lines',
      title,
      description,
      x: { label: 'Round', whole: true },
      y: { label: axis },
      series: many ? [...perSite, overall] : perSite,
      backgroundName: `each of ${String(names.length)} sites`,
    },
  ];
}

/** What each site sent and received in all rounds; nothing where that was not counted. */
export function trafficTable({ sites, rounds }: FederationResult): TableBlock[] {
  const all = rounds.flatMap(({ traffic = [] }) => traffic);
  if (all.length === 0) return [];
  const rows = sites.map(({ name }) => {
    const own = all.filter(({ site }) => site === name);
    return {
      name,
      up: sum(own.map(({ bytesUp }) => bytesUp)),
      down: sum(own.map(({ bytesDown }) => bytesDown)),
    };
  });
  const total = {
    name: 'All sites',
    up: sum(rows.map(({ up }) => up)),
    down: sum(rows.map(({ down }) => down)),
  };
  return [
    {
      kind: 'table',
      caption: 'Sent over the network by site',
      columns: [
        { label: 'Site', numeric: false },
        { label: 'Sent', numeric: true },
        { label: 'Received', numeric: true },
        { label: 'Sent in a round', numeric: true },
      ],
      rows: [...rows, total].map(({ name, up, down }) => {
        const strong = name === total.name;
        const cells = [formatBytes(up), formatBytes(down), formatBytes(up / Math.max(1, rounds.length))];
        return [{ text: name, strong }, ...cells.map((text) => ({ text, strong }))];
      }),
    },
  ];
}
