/**
 * Percentile intervals by the bootstrap (Efron, Tibshirani 1993, §13.3), drawing patients rather than images: images of
 * one patient are not independent, and drawing them one by one would make intervals too narrow (Field, Welsh 2007).
 *
 * A replicate is a vector of example weights (how often each one's patient was drawn), so that nothing is copied or
 * sorted again. A metric's interval leaves out replicates in which it is undefined (a class that was not drawn) and is
 * undefined itself where fewer than half remain. Calibration error is biased upwards by resampling; its interval
 * therefore tends to lie too high.
 */
import { createRng, deriveSeed } from '../../rng.ts';
import {
  CLASS_METRIC_NAMES,
  METRIC_NAMES,
  type ClassMetricName,
  type Interval,
  type MetricName,
} from './evaluation.ts';
import type { PreparedExamples } from './examples.ts';
import { MetricError } from './metric-error.ts';
import { scoreExamples, type Scores } from './scores.ts';

const CONFIDENCE = 0.95;

/**
 * Weights of the replicates, one vector after the other; the same array is filled anew each time.
 * @param clusters [n]: index of each example's patient, in 0…clusterCount−1.
 */
export function* bootstrapWeights(options: {
  readonly clusters: Int32Array;
  readonly clusterCount: number;
  readonly replicates: number;
  readonly seed: number;
}): Generator<Float64Array> {
  const { clusters, clusterCount, replicates, seed } = options;
  const rng = createRng(deriveSeed('bootstrap', seed));
  const drawn = new Int32Array(clusterCount);
  const weights = new Float64Array(clusters.length);
  for (let replicate = 0; replicate < replicates; replicate++) {
    drawn.fill(0);
    for (let draw = 0; draw < clusterCount; draw++) {
      const cluster = rng.integer(clusterCount);
      drawn[cluster] = (drawn[cluster] ?? 0) + 1;
    }
    for (let i = 0; i < weights.length; i++) weights[i] = drawn[clusters[i] ?? 0] ?? 0;
    yield weights;
  }
}

/** Patients by number, in order of first appearance; each example is its own where none are given. */
export function clusterIndices(
  count: number,
  patients: readonly string[] | undefined,
): { clusters: Int32Array; clusterCount: number } {
  if (patients === undefined) {
    return { clusters: Int32Array.from({ length: count }, (_, i) => i), clusterCount: count };
  }
  if (patients.length !== count) {
    throw new MetricError(`${String(patients.length)} patients for ${String(count)} examples`);
  }
  const numbers = new Map<string, number>();
  const clusters = Int32Array.from(patients, (patient) => {
    const number = numbers.get(patient) ?? numbers.size;
    numbers.set(patient, number);
    return number;
  });
  return { clusters, clusterCount: numbers.size };
}

export interface BootstrapIntervals {
  readonly overall: ReadonlyMap<MetricName, Interval>;
  /** By class. */
  readonly classes: readonly ReadonlyMap<ClassMetricName, Interval>[];
}

/**
 * 95 % intervals of every metric.
 * @param options.replicates At least 1; 1,000 or more for intervals that are published.
 * @throws MetricError where `replicates` is not a positive integer or `patients` has the wrong length.
 */
export function bootstrapIntervals(
  examples: PreparedExamples,
  options: {
    readonly replicates: number;
    readonly seed: number;
    readonly patients?: readonly string[] | undefined;
  },
): BootstrapIntervals {
  const { replicates, seed, patients } = options;
  if (!Number.isInteger(replicates) || replicates < 1) {
    throw new MetricError(`bootstrap replicates must be a positive integer, got ${String(replicates)}`);
  }
  const groups = clusterIndices(examples.count, patients);
  const scores: Pick<Scores, 'overall' | 'classes'>[] = [];
  if (examples.count > 0) {
    for (const weights of bootstrapWeights({ ...groups, replicates, seed })) {
      const { overall, classes } = scoreExamples(examples, weights);
      scores.push({ overall, classes });
    }
  }
  return {
    overall: intervalsOf(METRIC_NAMES, (name) => scores.map(({ overall }) => overall[name])),
    classes: Array.from({ length: examples.classCount }, (_, c) =>
      intervalsOf(CLASS_METRIC_NAMES, (name) => scores.map(({ classes }) => classes[c]?.[name])),
    ),
  };
}

function intervalsOf<Name extends string>(
  names: readonly Name[],
  valuesOf: (name: Name) => (number | undefined)[],
): Map<Name, Interval> {
  return new Map(
    names.flatMap((name) => {
      const interval = percentileInterval(valuesOf(name));
      return interval === undefined ? [] : [[name, interval]];
    }),
  );
}

/** The central 95 % of the defined values; undefined where fewer than half of them (or none) are defined. */
export function percentileInterval(values: readonly (number | undefined)[]): Interval | undefined {
  const defined = Float64Array.from(values.filter((value) => value !== undefined)).sort();
  if (defined.length === 0 || 2 * defined.length < values.length) return undefined;
  return {
    low: quantile(defined, (1 - CONFIDENCE) / 2),
    high: quantile(defined, (1 + CONFIDENCE) / 2),
  };
}

/** Linear interpolation between order statistics (Hyndman, Fan 1996, type 7). @param sorted Ascending, not empty. */
export function quantile(sorted: Float64Array, p: number): number {
  const position = p * (sorted.length - 1);
  const below = Math.floor(position);
  const low = sorted[below] ?? NaN;
  const high = sorted[Math.min(below + 1, sorted.length - 1)] ?? NaN;
  return low + (high - low) * (position - below);
}
