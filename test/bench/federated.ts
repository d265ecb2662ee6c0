/**
 * `npm run bench:federated`: what a federation reaches on images of real hospitals against the same model trained on all
 * images in one place. Every row says what it cost: rounds, local steps, bytes a site sent. Options: --only NAME,
 * --seeds N (the first N of each case), --workers N, --json.
 */
import { Command } from 'commander';
import { InputError } from '../../shared/errors.ts';
import { runInterruptible } from '../../simulations/interruptible.ts';
import { TEST_DATA_REASON, testDataPath } from '../test-data.ts';
import { finishBench, type BenchRow, type Skipped } from './bench-report.ts';
import { CASES, type Case, type Variant } from './federated-cases.ts';
import {
  MARKS,
  runCase,
  type ComparisonFigures,
  type FederatedFigures,
  type Reached,
} from './federated-run.ts';

interface Options {
  readonly only?: string;
  readonly seeds?: string;
  readonly workers: string;
  readonly json?: true;
}

/** Of the images that pooled training goes through, at most so many times as many in all sites together. */
const MOST_COMPUTATION = 4;

function casesOf({ only }: Options): readonly Case[] {
  const chosen = CASES.filter(({ key }) => only === undefined || key.startsWith(only));
  if (chosen.length > 0) return chosen;
  throw new InputError(`--only ${String(only)}: choose one of ${CASES.map(({ key }) => key).join(', ')}`);
}

/** A federation and what the same seed's pooled and local trainings reached. */
interface Compared {
  readonly figures: FederatedFigures;
  readonly comparison: ComparisonFigures;
}

const METRICS = ['auc', 'accuracy', 'balancedAccuracy'] as const;

function rowsOf(name: string, { bars }: Variant, runs: readonly Compared[]): BenchRow[] {
  const of = (value: (run: Compared) => number): BenchRow['samples'] => runs.map(value);
  const [first] = runs;
  if (!first) return [];
  const mean = (what: string, samples: readonly number[], bar?: BenchRow['bar']): BenchRow => ({
    ...{ name: `${name}: ${what}`, samples, statistic: 'mean' },
    ...(bar && { bar }),
  });
  const { rounds, localSteps, batchSize } = first.figures;
  const cost = `${String(rounds)} rounds of ${String(localSteps)} steps of ${String(batchSize)}`;
  const bound = (value: number | undefined): BenchRow['bar'] =>
    value === undefined ? undefined : { atLeast: value };
  return [
    ...METRICS.flatMap((metric) => [
      mean(
        `${metric}, federated, ${cost}`,
        of(({ figures }) => figures.federated[metric]),
        metric === 'balancedAccuracy' ? undefined : bound(bars[metric]),
      ),
      mean(
        `${metric}, pooled`,
        of(({ comparison }) => comparison.pooled[metric]),
      ),
    ]),
    ...comparedRows(mean, bars, runs),
    ...MARKS.filter((mark) => mark <= rounds).flatMap((mark) =>
      METRICS.map((metric) =>
        mean(
          `${metric} after ${String(mark)} rounds`,
          of(({ figures }) => figures.after.get(mark)?.[metric] ?? NaN),
        ),
      ),
    ),
    ...(first.figures.accuracyAtThreshold === undefined
      ? []
      : [
          mean(
            'accuracy at the threshold that is best on validation images',
            of(({ figures }) => figures.accuracyAtThreshold ?? NaN),
          ),
        ]),
    {
      ...mean(
        'sent by a site in all rounds',
        of(({ figures }) => figures.bytesUpPerSite / 1e6),
      ),
      ...{ unit: 'MB', digits: 1 },
    },
    {
      ...mean(
        'images in all training steps, over pooled',
        of(({ figures, comparison }) => figures.imagesTrained / comparison.pooledImagesTrained),
        { atMost: MOST_COMPUTATION },
      ),
      ...{ unit: '×', digits: 2 },
    },
  ];
}

type MeanRow = (what: string, samples: readonly number[], bar?: BenchRow['bar']) => BenchRow;

function comparedRows(mean: MeanRow, bars: Variant['bars'], runs: readonly Compared[]): BenchRow[] {
  const rows: BenchRow[] = [];
  if (bars.aucBelowPooled !== undefined)
    rows.push(
      mean(
        'auc, pooled − federated',
        runs.map(({ figures, comparison }) => comparison.pooled.auc - figures.federated.auc),
        { atMost: bars.aucBelowPooled },
      ),
    );
  if (bars.balancedAccuracyOverPooled !== undefined)
    rows.push(
      mean(
        'balancedAccuracy, federated ÷ pooled',
        runs.map(
          ({ figures, comparison }) =>
            figures.federated.balancedAccuracy / comparison.pooled.balancedAccuracy,
        ),
        { atLeast: bars.balancedAccuracyOverPooled },
      ),
    );
  if (bars.aboveEveryLocal)
    for (const metric of ['balancedAccuracy', 'auc'] as const)
      rows.push(
        mean(
          `${metric}, federated − best site alone`,
          runs.map(({ figures, comparison }) => figures.federated[metric] - bestOf(comparison.local, metric)),
          { atLeast: 0 },
        ),
      );
  return rows;
}

const bestOf = (models: readonly Reached[], metric: keyof Reached): number =>
  Math.max(...models.map((model) => model[metric]));

/** A seed that is done: those of a long benchmark that is stopped are not lost. */
function figuresText({ figures, comparison }: Compared): string {
  const text = ({ auc, accuracy, balancedAccuracy }: Reached): string =>
    [auc, accuracy, balancedAccuracy].map((value) => value.toFixed(4)).join(' ');
  return (
    `AUC, accuracy, balanced accuracy federated ${text(figures.federated)}, pooled ${text(comparison.pooled)}` +
    comparison.local.map((local) => `, a site alone ${text(local)}`).join('')
  );
}

interface Outcome {
  readonly rows: readonly BenchRow[];
  /** What the sites of each seed had. */
  readonly counts: Readonly<Record<string, string>>;
}

async function runAll(entry: Case, path: string, options: Options, signal: AbortSignal): Promise<Outcome> {
  const seeds = entry.seeds.slice(0, options.seeds === undefined ? undefined : Number(options.seeds));
  const runs = entry.variants.map((): Compared[] => []);
  const counts: Record<string, string> = {};
  // The variants of a case share what they are compared with.
  const comparisons = new Map<number, ComparisonFigures>();
  for (const [index, variant] of entry.variants.entries())
    for (const seed of seeds) {
      const name = `${[entry.key, variant.name].filter(Boolean).join(' ')}, seed ${String(seed)}`;
      const figures = await runCase({
        ...{ entry, variant, path, seed, workers: Number(options.workers) },
        compare: !comparisons.has(seed),
        hooks: {
          signal,
          onProgress: (progress) => {
            if (progress.kind !== 'round' || progress.result.round % 10 !== 0) return;
            const { auc = NaN } = progress.result.validation ?? {};
            const round = `round ${String(progress.result.round)} of ${String(progress.rounds)}`;
            process.stderr.write(`${name}: ${round}, validation AUC ${auc.toFixed(3)}\n`);
          },
        },
      });
      const comparison = figures.comparison ?? comparisons.get(seed);
      if (comparison) {
        comparisons.set(seed, comparison);
        runs[index]?.push({ figures, comparison });
        process.stderr.write(`${name}: ${figuresText({ figures, comparison })}\n`);
      }
      counts[`${entry.key}, seed ${String(seed)}, training images of each site by class`] = figures.siteCounts
        .map((site) => site.join('/'))
        .join('  ');
    }
  const rows = entry.variants.flatMap((variant, index) =>
    rowsOf([entry.key, variant.name].filter(Boolean).join(' '), variant, runs[index] ?? []),
  );
  return { rows, counts };
}

async function benchmark(options: Options, signal: AbortSignal): Promise<void> {
  const rows: BenchRow[] = [];
  const skipped: Skipped[] = [];
  const environment: Record<string, string> = { workers: options.workers };
  for (const entry of casesOf(options)) {
    const path = testDataPath(entry.path);
    if (path === undefined) {
      skipped.push({ name: entry.key, reason: TEST_DATA_REASON });
      continue;
    }
    const outcome = await runAll(entry, path, options, signal);
    rows.push(...outcome.rows);
    Object.assign(environment, outcome.counts);
  }
  const title = 'Federations on test images, against the same model trained in one place';
  finishBench({ title, rows, skipped, environment }, { json: options.json === true });
}

await new Command('bench:federated')
  .option('--only <name>', `one of ${CASES.map(({ key }) => key).join(', ')}, or how some of them begin`)
  .option('--seeds <count>', 'only the first seeds of each')
  .option('--workers <count>', 'trainings at the same time', '2')
  .option('--json', 'print the figures as JSON')
  .action((options: Options) => runInterruptible((signal) => benchmark(options, signal)))
  .parseAsync();
