/**
 * Variance of the area under a ROC curve and the test of two correlated ones: DeLong, DeLong, Clarke-Pearson 1988,
 * computed from midranks in O(n log n) (Sun, Xu 2014, algorithm 2). Assumes independent examples: one image a patient.
 */
import type { Interval } from './evaluation.ts';
import { MetricError } from './metric-error.ts';
import { NORMAL_95, normalTwoSided } from './special-functions.ts';

export interface AreaEstimate {
  readonly auc: number;
  readonly standardError: number;
  /** 95 %, normal approximation, within 0…1. */
  readonly interval: Interval;
}

/**
 * @param scores [n]; higher means more likely positive.
 * @param positives [n]: 1 = positive, 0 = negative.
 * @returns undefined with fewer than two positives or two negatives, where a variance cannot be estimated.
 * @throws MetricError where lengths differ or a score is NaN.
 */
export function deLong(scores: ArrayLike<number>, positives: ArrayLike<number>): AreaEstimate | undefined {
  const a = structuralComponents(scores, positives);
  if (a === undefined) return undefined;
  const standardError = Math.sqrt(covariance(a, a));
  return {
    auc: a.auc,
    standardError,
    interval: {
      low: Math.max(0, a.auc - NORMAL_95 * standardError),
      high: Math.min(1, a.auc + NORMAL_95 * standardError),
    },
  };
}

export interface AreaComparison {
  readonly aucA: number;
  readonly aucB: number;
  /** aucA − aucB. */
  readonly difference: number;
  readonly standardError: number;
  /** 95 %. */
  readonly interval: Interval;
  /** Two-sided; undefined where the difference has no variance (the two rank all pairs alike, or each perfectly). */
  readonly p: number | undefined;
}

/** Compares two classifiers on the same examples; parameters, results and errors as in `deLong`. */
export function deLongTest(
  scoresA: ArrayLike<number>,
  scoresB: ArrayLike<number>,
  positives: ArrayLike<number>,
): AreaComparison | undefined {
  const a = structuralComponents(scoresA, positives);
  const b = structuralComponents(scoresB, positives);
  if (a === undefined || b === undefined) return undefined;
  const difference = a.auc - b.auc;
  const variance = covariance(a, a) + covariance(b, b) - 2 * covariance(a, b);
  // Rounding leaves a variance of about 10⁻¹⁷ where it is 0.
  const standardError = Math.sqrt(variance < 1e-15 ? 0 : variance);
  return {
    aucA: a.auc,
    aucB: b.auc,
    difference,
    standardError,
    interval: {
      low: difference - NORMAL_95 * standardError,
      high: difference + NORMAL_95 * standardError,
    },
    p: standardError > 0 ? normalTwoSided(difference / standardError) : undefined,
  };
}

/** V₁₀ (by positive) and V₀₁ (by negative) of the paper's eq. 3 and 4, whose means are both the area. */
interface StructuralComponents {
  readonly auc: number;
  readonly byPositive: Float64Array;
  readonly byNegative: Float64Array;
}

function structuralComponents(
  scores: ArrayLike<number>,
  positives: ArrayLike<number>,
): StructuralComponents | undefined {
  if (scores.length !== positives.length) {
    throw new MetricError(`${String(scores.length)} scores for ${String(positives.length)} labels`);
  }
  const all = Float64Array.from(scores);
  if (all.some((score) => Number.isNaN(score))) throw new MetricError('a score is not a number');
  const isPositive = (_: number, i: number): boolean => positives[i] === 1;
  const x = all.filter(isPositive);
  const y = all.filter((_, i) => !isPositive(_, i));
  if (x.length < 2 || y.length < 2) return undefined;
  const ranks = midranks(all);
  const rankX = ranks.filter(isPositive);
  const rankY = ranks.filter((_, i) => !isPositive(_, i));
  const withinX = midranks(x);
  const withinY = midranks(y);
  const byPositive = rankX.map((rank, i) => (rank - (withinX[i] ?? 0)) / y.length);
  const byNegative = rankY.map((rank, j) => 1 - (rank - (withinY[j] ?? 0)) / x.length);
  return { auc: mean(byPositive), byPositive, byNegative };
}

function covariance(a: StructuralComponents, b: StructuralComponents): number {
  return (
    sampleCovariance(a.byPositive, b.byPositive) / a.byPositive.length +
    sampleCovariance(a.byNegative, b.byNegative) / a.byNegative.length
  );
}

function sampleCovariance(a: Float64Array, b: Float64Array): number {
  const meanA = mean(a);
  const meanB = mean(b);
  return a.reduce((total, value, i) => total + (value - meanA) * ((b[i] ?? 0) - meanB), 0) / (a.length - 1);
}

const mean = (values: Float64Array): number =>
  values.reduce((total, value) => total + value, 0) / values.length;

/** Ranks from 1, equal values sharing the mean of theirs. */
export function midranks(values: Float64Array): Float64Array {
  const at = (i: number): number => values[i] ?? NaN;
  const order = Int32Array.from(values, (_, i) => i).sort((a, b) => at(a) - at(b));
  const ranks = new Float64Array(values.length);
  let start = 0;
  while (start < order.length) {
    let end = start;
    while (end < order.length && at(order[end] ?? -1) === at(order[start] ?? -1)) end++;
    for (let j = start; j < end; j++) ranks[order[j] ?? 0] = (start + 1 + end) / 2;
    start = end;
  }
  return ranks;
}
