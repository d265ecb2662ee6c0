/** From results to models and CSV: which numbers stand where. */
import { csvText } from '../../../shared/csv.ts';
import { parse } from 'csv-parse/sync';
import { describe, expect, it } from 'vitest';
import { evaluateClassifier } from '../../../shared/learning/metrics/evaluate.ts';
import {
  curvePointsCsv,
  epochCurvesCsv,
  federationMetricsCsv,
  roundCurvesCsv,
  sitesCsv,
  trainMetricsCsv,
} from '../../../simulations/report/csv.ts';
import { federationReport } from '../../../simulations/report/federation-report.ts';
import { comparedMethods } from '../../../simulations/report/methods.ts';
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatEstimate,
  formatInterval,
  formatMetric,
  formatNumber,
} from '../../../shared/format.ts';
import { progressCharts } from '../../../simulations/report/progress-charts.ts';
import { renderReport } from '../../../simulations/report/render-report.ts';
import { settingsTable } from '../../../simulations/report/settings.ts';
import { summariseSeeds, trainReport } from '../../../simulations/report/train-report.ts';
import { exampleFederation, exampleTraining } from './example-results.ts';

describe('numbers', () => {
  it('metrics have three decimals, and a dash where undefined', () => {
    expect(formatMetric(0.90749)).toBe('0.907');
    expect(formatMetric(-0.5)).toBe('−0.500');
    expect(formatMetric(undefined)).toBe('–');
    expect(formatEstimate({ value: 0.9, interval: { low: 0.85, high: 0.95 } })).toBe('0.900 (0.850–0.950)');
    expect(formatInterval({ low: -0.1, high: 0.2 })).toBe('−0.100 to 0.200');
    expect(formatEstimate({})).toBe('–');
  });

  it.each([
    [0, '0 ms'],
    [999.4, '999 ms'],
    [999.6, '1.0 s'],
    [59_949, '59.9 s'],
    [59_999, '1 min 00 s'],
    [245_000, '4 min 05 s'],
    [3_599_600, '1 h 00 min'],
    [7_620_000, '2 h 07 min'],
  ])('%d ms is %s', (milliseconds, text) => {
    expect(formatDuration(milliseconds)).toBe(text);
  });

  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1500, '1.5 kB'],
    [999_700, '1.0 MB'],
    [380_000_000, '380 MB'],
  ])('%d bytes are %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });

  it('counts and small numbers', () => {
    expect(formatCount(5856)).toBe('5,856');
    expect(formatNumber(0.001)).toBe('0.001');
    expect(formatNumber(0.00001)).toBe('1.00e-5');
    expect(formatNumber(0)).toBe('0');
  });
});

describe('settings', () => {
  it('of any depth become dotted names', () => {
    const table = settingsTable('Recipe', {
      rate: 0.001,
      optimizer: { name: 'adamw', nesterov: false, extra: null },
      dims: [28, 28],
      steps: [{ at: 1 }],
      missing: undefined,
    });
    expect(table.rows.map((cells) => cells.map(({ text }) => text))).toEqual([
      ['rate', '0.001'],
      ['optimizer.name', 'adamw'],
      ['optimizer.nesterov', 'no'],
      ['optimizer.extra', 'none'],
      ['dims', '28, 28'],
      ['steps.0.at', '1'],
    ]);
  });
});

describe('training report', () => {
  it('shows the interval of one seed, and the spread of several', () => {
    const one = trainReport(exampleTraining({}));
    expect(one.figures[0]?.detail).toMatch(/^95 %: 0\.\d{3}–\d\.\d{3}$/);
    const three = trainReport(exampleTraining({ seeds: [1, 2, 3] }));
    expect(three.figures[0]?.detail).toMatch(/^± 0\.\d{3} over 3 seeds$/);
    expect(three.subtitle).toContain('3 seeds (1, 2, 3)');
  });

  it('summarises each metric over the seeds', () => {
    const { seeds } = exampleTraining({ seeds: [1, 2, 3] });
    const values = seeds.map(({ test }) => test.metrics.accuracy.value ?? NaN);
    const { accuracy } = summariseSeeds(seeds);
    expect(accuracy.count).toBe(3);
    expect(accuracy.mean).toBeCloseTo(values.reduce((a, b) => a + b) / 3, 14);
  });

  it('warns of synthetic images, and only then', () => {
    expect(trainReport(exampleTraining({ synthetic: true })).notes[0]).toMatchObject({ tone: 'warning' });
    expect(trainReport(exampleTraining({})).notes).toEqual([]);
  });

  it('renders a test set in which nothing is defined', () => {
    const result = exampleTraining({});
    const empty = evaluateClassifier({
      probabilities: new Float32Array(0),
      labels: new Int32Array(0),
      classNames: ['a', 'b'],
    });
    const seeds = result.seeds.map((seed) => ({ ...seed, epochs: [], test: empty }));
    const html = renderReport(trainReport({ ...result, seeds }));
    expect(html).toContain('<dd class="value">–</dd>');
    expect(html).not.toMatch(/NaN|undefined|Infinity/);
  });
});

describe('curves over epochs', () => {
  it('are the mean of the seeds with their range; a seed that stopped early ends early', () => {
    const [loss] = progressCharts(
      [
        [
          { step: 1, loss: 1 },
          { step: 2, loss: 0.5 },
        ],
        [{ step: 1, loss: 3 }],
      ],
      { unit: 'epoch' },
    );
    expect(loss?.series[0]?.points).toEqual([
      { x: 1, y: 2, low: 1, high: 3 },
      { x: 2, y: 0.5, low: 0.5, high: 0.5 },
    ]);
  });

  it('leave out values that are not finite, and a learning rate that stays', () => {
    const charts = progressCharts([[{ step: 1, loss: NaN, learningRate: 0.1, validation: { auc: 0.9 } }]], {
      unit: 'epoch',
      best: 1,
    });
    expect(charts.map(({ title }) => title)).toEqual(['Validation: ROC AUC by epoch']);
    expect(charts[0]?.series[0]?.name).toBe('ROC AUC');
    expect(charts[0]?.marker).toEqual({ x: 1, label: 'kept: epoch 1' });
  });
});

describe('federation report', () => {
  const result = exampleFederation({ sites: 5 });

  it('compares local only as the mean over sites', () => {
    const methods = comparedMethods(result);
    expect(methods.map(({ label }) => label)).toEqual(['Local only', 'Federated', 'Pooled']);
    const own = (result.test.local ?? []).map(({ evaluation }) => evaluation.metrics.auc.value ?? NaN);
    expect(methods[0]?.metrics.auc.value).toBeCloseTo(own.reduce((a, b) => a + b) / 5, 14);
    expect(methods[1]?.metrics).toBe(result.test.federated.metrics);
  });

  it('compares what there is', () => {
    const alone = { ...result, test: { federated: result.test.federated }, rounds: [], timings: [] };
    expect(comparedMethods(alone).map(({ label }) => label)).toEqual(['Federated']);
    expect(renderReport(federationReport(alone))).not.toMatch(/NaN|undefined/);
  });

  it('counts bytes and dropped sites', () => {
    const figures = federationReport(result).figures;
    // 12 rounds × 380 kB.
    expect(figures.find(({ label }) => label === 'Sent by each site')?.value).toBe('4.6 MB');
    expect(figures.find(({ label }) => label === 'Rounds')?.detail).toBe('a site was dropped once');
  });

  it('leaves a gap where a site did not finish a round', () => {
    const blocks = federationReport(result).sections.flatMap((section) => section.blocks);
    const charts = blocks.flatMap((block) => (block.kind === 'row' ? block.blocks : []));
    const chart = charts.find(
      (block) => block.kind === 'lines' && block.title === 'Training loss at each site',
    );
    const series = chart?.kind === 'lines' ? chart.series : [];
    expect(series.map(({ name, points }) => [name, points.filter(({ y }) => y === undefined)])).toEqual([
      ['hospital-01', []],
      ['hospital-02', [{ x: 4 }]],
      ['hospital-03', []],
      ['hospital-04', []],
      ['hospital-05', []],
    ]);
  });

  it('shows every site on its own images, with bytes and digests', () => {
    const sections = new Map(federationReport(result).sections.map((section) => [section.title, section]));
    const blocks = sections.get('Site by site')?.blocks.flatMap((b) => (b.kind === 'row' ? b.blocks : [b]));
    const bars = blocks?.find((block) => block.kind === 'bars');
    expect(bars?.kind === 'bars' && bars.series).toEqual(['Local only', 'Federated', 'Pooled']);
    expect(bars?.kind === 'bars' && bars.groups.map(({ bars: each }) => each.length)).toEqual([
      3, 3, 3, 3, 3,
    ]);
    const table = blocks?.find((block) => block.kind === 'table');
    expect(table?.kind === 'table' && table.rows[1]?.at(-1)).toEqual({
      text: '±0.0',
      detail: '−4.0 to +4.0',
    });
    const html = renderReport(federationReport(result));
    // 12 rounds × 380 kB, in each of the five rows.
    expect(html.match(/>4\.6 MB</g)?.length).toBeGreaterThanOrEqual(10);
    for (const digest of ['beef', 'cafe', 'c0ffee']) expect(html).toContain(`>${digest}`);
  });

  it('folds the bars of many sites away, and leaves them out where sites have no test images', () => {
    const many = federationReport(exampleFederation({ sites: 13 })).sections;
    expect(many.find(({ title }) => title === 'Site by site')?.blocks.map(({ kind }) => kind)).toEqual([
      'details',
    ]);
    const none = federationReport({ ...result, siteTests: [] }).sections;
    expect(none.map(({ title }) => title)).not.toContain('Site by site');
  });

  it('keeps many sites in the background', () => {
    const html = renderReport(federationReport(exampleFederation({ sites: 9 })));
    expect(html).toContain('each of 9 sites');
    expect(html).toContain('mean over sites');
  });
});

describe('CSV', () => {
  const rows = (text: string): Record<string, string>[] => parse(text, { columns: true });

  it('reads back exactly', () => {
    const result = exampleTraining({ seeds: [1, 2] });
    const metrics = rows(trainMetricsCsv(result));
    // (17 metrics + 2 classes × 6) × 2 seeds
    expect(metrics).toHaveLength(58);
    const accuracy = metrics.find((row) => row['metric'] === 'accuracy' && row['seed'] === '2');
    expect(Number(accuracy?.['value'])).toBe(result.seeds[1]?.test.metrics.accuracy.value);
    expect(Number(accuracy?.['low'])).toBe(result.seeds[1]?.test.metrics.accuracy.interval?.low);
    const curves = rows(epochCurvesCsv(result));
    expect(curves[0]).toEqual({
      seed: '1',
      epoch: '1',
      metric: 'loss',
      value: String(result.seeds[0]?.epochs[0]?.loss),
    });
    expect(curves.filter((row) => row['metric'] === 'validation.auc')).toHaveLength(40);
  });

  it('holds federated, pooled and each site, and the rounds', () => {
    const result = exampleFederation({ sites: 3 });
    const metrics = rows(federationMetricsCsv(result));
    const methods = metrics
      .filter((row) => row['metric'] === 'kappa')
      .map((row) => `${row['method'] ?? ''} ${row['site'] ?? ''}`);
    expect(methods).toEqual([
      'federated ',
      'pooled ',
      'local hospital-01',
      'local hospital-02',
      'local hospital-03',
    ]);
    const rounds = rows(roundCurvesCsv(result.rounds));
    const losses = rounds.filter((row) => row['metric'] === 'loss');
    expect(losses.filter((row) => row['site'] === 'hospital-01')).toHaveLength(12);
    // Dropped in round 4.
    expect(losses.filter((row) => row['site'] === 'hospital-02')).toHaveLength(11);
    expect(
      rounds.find((row) => row['site'] === 'hospital-02' && row['metric'] === 'bytesUp')?.['value'],
    ).toBe('380000');
    const [site] = result.siteTests ?? [];
    const own = rows(sitesCsv(result)).filter((row) => row['site'] === 'hospital-01');
    expect(own.find((row) => row['method'] === 'local' && row['metric'] === 'accuracy')).toMatchObject({
      test_images: '63',
      value: String(site?.figures.local?.accuracy.value),
    });
    expect(own.at(-1)).toMatchObject({ method: 'federated minus local', value: String(site?.gain?.value) });
    const points = rows(curvePointsCsv(result.test.federated));
    expect(points[0]).toEqual({ class: 'normal', curve: 'roc', x: '0', y: '0' });
  });

  it('quotes separators and defuses formulas', () => {
    expect(csvText(['a'], [['x,"y"\n'], ['=1+1'], [undefined], [-1.5], [NaN]])).toBe(
      'a\r\n"x,""y""\n"\r\n\'=1+1\r\n\r\n-1.5\r\n\r\n',
    );
  });
});
