/** What the cells of `npm run bench:transfer` say together. */
import { pairedTTest, summarise } from '../../shared/learning/metrics/summary.ts';
import type { BenchRow } from './bench-report.ts';
import type { CellFigures } from './transfer-run.ts';

/** One seed: the same sites, images and steps in every arm. */
export interface Arms {
  readonly scratch: CellFigures;
  /** By the set of the backbone. */
  readonly tuned: ReadonlyMap<string, CellFigures>;
}

export interface TargetFigures {
  readonly target: string;
  readonly cells: readonly {
    /** Of the training labels. */
    readonly fraction: number;
    readonly arms: readonly Arms[];
  }[];
}

/** At this share of the labels a backbone has to show its worth. */
const FEW = 0.1;
/** With two idle cores. */
const MOST_MINUTES = 25;

const METRICS = ['auc', 'balancedAccuracy'] as const;

interface Gain {
  readonly name: string;
  readonly difference: number;
  /** Lower end of the 95 % interval of the mean paired difference of the AUC. */
  readonly low: number;
}

/**
 * Per target and share of the labels the means of every arm, and of every backbone the gain over scratch in pairs with its
 * 95 % interval. With `isComplete` the study fails when no backbone helps where labels are few, or takes too long.
 */
export function rowsOf(
  figures: readonly TargetFigures[],
  { isComplete, minutes }: { readonly isComplete: boolean; readonly minutes: number },
): BenchRow[] {
  const rows: BenchRow[] = [];
  const gains: Gain[] = [];
  for (const { target, cells } of figures)
    for (const { fraction, arms } of cells) {
      const cell = `${target}, ${String(100 * fraction)} % of the labels`;
      rows.push(
        ...armRows(
          `${cell}, from scratch`,
          arms.map(({ scratch }) => scratch),
        ),
      );
      for (const source of arms[0]?.tuned.keys() ?? []) {
        const tuned = arms.flatMap((arm) => arm.tuned.get(source) ?? []);
        rows.push(...armRows(`${cell}, from ${source}`, tuned));
        const gain = gainOf(`${target} from ${source}`, tuned, arms);
        if (!gain) continue;
        rows.push(...gainRows(`${cell}, ${source}`, gain, tuned, arms));
        if (fraction === FEW) gains.push(gain);
      }
    }
  return [...rows, ...verdict(gains, isComplete), time(minutes, isComplete)];
}

function armRows(name: string, cells: readonly CellFigures[]): BenchRow[] {
  const [first] = cells;
  return [
    ...METRICS.map((metric): BenchRow => {
      const samples = cells.map((cell) => cell[metric]);
      const { interval } = summarise(samples);
      const spread = interval ? ` [${interval.low.toFixed(3)}, ${interval.high.toFixed(3)}]` : '';
      return { name: `${name}: ${metric}${spread}`, samples, statistic: 'mean' };
    }),
    {
      ...{ name: `${name}: sent by a site`, samples: [(first?.bytesUpPerSite ?? NaN) / 1e6] },
      ...{ unit: 'MB', digits: 2 },
    },
  ];
}

const aucs = (cells: readonly CellFigures[]): number[] => cells.map(({ auc }) => auc);
const scratchOf = (arms: readonly Arms[]): CellFigures[] => arms.map(({ scratch }) => scratch);

function gainOf(name: string, tuned: readonly CellFigures[], arms: readonly Arms[]): Gain | undefined {
  const test = pairedTTest(aucs(tuned), aucs(scratchOf(arms)));
  return test && { name, difference: test.difference, low: test.interval.low };
}

function gainRows(
  cell: string,
  { low, difference }: Gain,
  tuned: readonly CellFigures[],
  arms: readonly Arms[],
): BenchRow[] {
  const samples = tuned.map(({ auc }, i) => auc - (arms[i]?.scratch.auc ?? NaN));
  const interval = `[${low.toFixed(3)}, ${(2 * difference - low).toFixed(3)}]`;
  return [{ name: `${cell}: AUC gained over scratch ${interval}`, samples, statistic: 'mean' }];
}

/** The pair whose interval is highest: helped when all of it is above 0. */
function verdict(gains: readonly Gain[], isComplete: boolean): BenchRow[] {
  const best = gains.reduce<Gain | undefined>((a, b) => (a && a.low >= b.low ? a : b), undefined);
  if (!best) return [];
  return [
    {
      name: `best pair at 10 % of the labels, ${best.name}: lower end of the gain’s 95 % interval`,
      samples: [best.low],
      ...(isComplete && { bar: { atLeast: 0 } }),
    },
  ];
}

const time = (minutes: number, isComplete: boolean): BenchRow => ({
  ...{ name: 'time', samples: [minutes], unit: 'min', digits: 1 },
  ...(isComplete && { bar: { atMost: MOST_MINUTES } }),
});
