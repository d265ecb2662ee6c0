/** Curves over epochs or rounds: mean and range over seeds, validation beside training. */
import { labelOf } from '../../shared/learning/metrics/labels.ts';
import type { LineChart, Series, SeriesPoint } from './model.ts';

/** The values of one epoch or round. */
export interface Progress {
  readonly step: number;
  readonly loss?: number;
  readonly learningRate?: number;
  readonly validation?: Readonly<Record<string, number>>;
}

export interface ProgressOptions {
  /** "epoch" or "round". */
  readonly unit: string;
  /** The step whose weights were kept. */
  readonly best?: number;
}

/** Names under which a validation loss comes; drawn on the loss's axis. */
const LOSS_NAMES = ['loss', 'logLoss'];

/** What a validation chart shows first; a chart of every metric could not be read. */
const SHOWN_FIRST = ['auc', 'accuracy', 'balancedAccuracy', 'macroF1'];

/** The four metrics that people ask for, or whatever there is where none of them was measured. */
function shownScores(names: readonly string[]): readonly string[] {
  const usual = SHOWN_FIRST.filter((name) => names.includes(name));
  return usual.length > 0 ? usual : names;
}

/**
 * Loss, validation metrics and, where it changes, learning rate.
 * @param runs One list of steps a seed.
 */
export function progressCharts(
  runs: readonly (readonly Progress[])[],
  options: ProgressOptions,
): LineChart[] {
  const names = [...new Set(runs.flat().flatMap(({ validation }) => Object.keys(validation ?? {})))];
  const lossNames = names.filter((name) => LOSS_NAMES.includes(name));
  const chart = base(runs.length, options);
  const losses: Series[] = [
    { name: 'training', points: overSeeds(runs, ({ loss }) => loss) },
    ...lossNames.map((name) => ({
      name: name === 'loss' ? 'validation' : `validation, ${labelOf(name)}`,
      points: overSeeds(runs, ({ validation }) => validation?.[name]),
    })),
  ].filter(hasPoints);
  const scores = shownScores(names.filter((name) => !lossNames.includes(name)))
    .map((name) => ({
      name: labelOf(name),
      points: overSeeds(runs, ({ validation }) => validation?.[name]),
    }))
    .filter(hasPoints);
  const rate: Series = { name: 'learning rate', points: overSeeds(runs, ({ learningRate }) => learningRate) };
  const changes = new Set(rate.points.map(({ y }) => y)).size > 1;
  return [
    ...(losses.length > 0 ? [chart('Loss', 'Loss', losses)] : []),
    ...(scores.length > 0 ? [chart(scoresTitle(scores), 'Value', scores)] : []),
    ...(changes ? [chart('Learning rate', 'Learning rate', [rate])] : []),
  ];
}

/** A single curve has no legend, so that the title names it. */
function scoresTitle([first, ...others]: readonly Series[]): string {
  return first === undefined || others.length > 0 ? 'Validation metrics' : `Validation: ${first.name}`;
}

const hasPoints = ({ points }: Series): boolean => points.some(({ y }) => y !== undefined);

function base(seedCount: number, { unit, best }: ProgressOptions) {
  const over = seedCount > 1 ? ` Mean and range over ${String(seedCount)} seeds.` : '';
  return (title: string, y: string, series: readonly Series[]): LineChart => ({
    kind: 'lines',
    title: `${title} by ${unit}`,
    description: `${title} after each ${unit}.${over}`,
    x: { label: capital(unit), whole: true },
    y: { label: y },
    series,
    ...(best === undefined ? {} : { marker: { x: best, label: `kept: ${unit} ${String(best)}` } }),
  });
}

/** Mean of each step over the seeds that reached it, with the least and greatest where there are several. */
function overSeeds(
  runs: readonly (readonly Progress[])[],
  valueOf: (step: Progress) => number | undefined,
): SeriesPoint[] {
  const byStep = new Map<number, number[]>();
  for (const entry of runs.flat()) {
    const value = valueOf(entry);
    if (value === undefined || !Number.isFinite(value)) continue;
    byStep.set(entry.step, [...(byStep.get(entry.step) ?? []), value]);
  }
  return [...byStep]
    .sort(([a], [b]) => a - b)
    .map(([x, values]) => ({
      x,
      y: values.reduce((a, b) => a + b, 0) / values.length,
      ...(runs.length > 1 ? { low: Math.min(...values), high: Math.max(...values) } : {}),
    }));
}

const capital = (word: string): string => word.slice(0, 1).toUpperCase() + word.slice(1);
