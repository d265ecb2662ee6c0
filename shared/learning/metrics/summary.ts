/** Repeated runs in one line: mean, standard deviation, interval of the mean, and the paired comparison of two methods. */
import type { Interval } from './evaluation.ts';
import { MetricError } from './metric-error.ts';
import { studentQuantile, studentTwoSided } from './special-functions.ts';

const CONFIDENCE = 0.95;

export interface Summary {
  /** Defined values; undefined ones are left out. */
  readonly count: number;
  readonly mean?: number;
  /** Sample standard deviation (n − 1); absent for fewer than two values. */
  readonly standardDeviation?: number;
  /** 95 % interval of the mean, Student's t with n − 1 degrees of freedom; absent for fewer than two values. */
  readonly interval?: Interval;
}

/** @param values One number per seed. */
export function summarise(values: readonly (number | undefined)[]): Summary {
  const defined = values.filter((value) => value !== undefined);
  const count = defined.length;
  if (count === 0) return { count };
  const mean = defined.reduce((total, value) => total + value, 0) / count;
  if (count === 1) return { count, mean };
  const standardDeviation = Math.sqrt(
    defined.reduce((total, value) => total + (value - mean) ** 2, 0) / (count - 1),
  );
  const half = (studentQuantile(CONFIDENCE, count - 1) * standardDeviation) / Math.sqrt(count);
  return { count, mean, standardDeviation, interval: { low: mean - half, high: mean + half } };
}

export interface PairedComparison {
  readonly count: number;
  /** Mean of a − b. */
  readonly difference: number;
  readonly interval: Interval;
  /** Absent where all differences are equal, so that t is undefined. */
  readonly t?: number;
  readonly degreesOfFreedom: number;
  /** Two-sided; absent with t. */
  readonly p?: number;
}

/**
 * Paired t-test of two methods over the same seeds.
 * @returns undefined for fewer than two pairs.
 * @throws MetricError where the lengths differ.
 */
export function pairedTTest(a: readonly number[], b: readonly number[]): PairedComparison | undefined {
  if (a.length !== b.length) {
    throw new MetricError(
      `a paired test needs the same seeds: ${String(a.length)} against ${String(b.length)} values`,
    );
  }
  const { count, mean, standardDeviation, interval } = summarise(a.map((value, i) => value - (b[i] ?? NaN)));
  if (mean === undefined || standardDeviation === undefined || interval === undefined) return undefined;
  const degreesOfFreedom = count - 1;
  // Equal differences differ by rounding; below this share of their size they count as equal.
  if (standardDeviation <= Math.abs(mean) * 1e-12)
    return { count, difference: mean, interval, degreesOfFreedom };
  const t = mean / (standardDeviation / Math.sqrt(count));
  return { count, difference: mean, interval, t, degreesOfFreedom, p: studentTwoSided(t, degreesOfFreedom) };
}
