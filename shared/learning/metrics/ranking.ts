/**
 * Scores of two classes by rank: ROC curve, area under it, precision-recall curve, average precision, operating point.
 *
 * Examples are sorted once (`rank`); each measure is then one pass over them, so that a bootstrap replicate is a vector
 * of weights and no new sort. Equal scores form one group and are never split: in the ROC curve they are one (diagonal)
 * segment, in the area each tied pair counts one half (Mann–Whitney; Hanley, McNeil 1982), in average precision they
 * are one threshold. Average precision is the step-wise sum Σ (Rₙ − Rₙ₋₁)·Pₙ, not the interpolated one.
 */
import { MetricError } from './metric-error.ts';

/** Two-class examples in descending order of score. */
export interface Ranking {
  /** [n]: indices of the examples. */
  readonly order: Int32Array;
  /** [n], in that order: 1 where the example is positive. */
  readonly positive: Uint8Array;
  /** [n], in that order. */
  readonly score: Float64Array;
  /** [n], in that order: 1 on the last example of a group of equal scores. */
  readonly groupEnd: Uint8Array;
}

/**
 * @param scores [n]; higher means more likely positive.
 * @param isPositive Whether example i is positive.
 * @throws MetricError where a score is NaN.
 */
export function rank(scores: ArrayLike<number>, isPositive: (example: number) => boolean): Ranking {
  const count = scores.length;
  const order = Int32Array.from({ length: count }, (_, i) => i);
  const at = (i: number): number => scores[i] ?? NaN;
  for (let i = 0; i < count; i++) {
    if (Number.isNaN(at(i))) throw new MetricError(`the score of example ${String(i)} is not a number`);
  }
  order.sort((a, b) => (at(a) < at(b) ? 1 : at(a) > at(b) ? -1 : 0));
  const score = Float64Array.from(order, at);
  return {
    order,
    score,
    positive: Uint8Array.from(order, (i) => (isPositive(i) ? 1 : 0)),
    groupEnd: Uint8Array.from(score, (value, j) => (score[j + 1] === value ? 0 : 1)),
  };
}

/** (Weighted) numbers of examples that score at least `threshold`. */
interface Step {
  readonly threshold: number;
  readonly truePositive: number;
  readonly falsePositive: number;
}

function steps({ order, positive, score, groupEnd }: Ranking, weights?: Float64Array): Step[] {
  const out: Step[] = [];
  let truePositive = 0;
  let falsePositive = 0;
  order.forEach((example, j) => {
    const weight = weights?.[example] ?? 1;
    if (positive[j] === 1) truePositive += weight;
    else falsePositive += weight;
    if (groupEnd[j] === 1) out.push({ threshold: score[j] ?? NaN, truePositive, falsePositive });
  });
  return out;
}

export interface RankingScores {
  /** Undefined unless both classes have weight. */
  readonly auc: number | undefined;
  /** Undefined without positives. */
  readonly averagePrecision: number | undefined;
}

/** Area under the ROC curve and average precision in one pass. @param weights [n] by example, ≥ 0; 1 where absent. */
export function rankingScores(ranking: Ranking, weights?: Float64Array): RankingScores {
  const { order, positive, groupEnd } = ranking;
  let positives = 0;
  let negatives = 0;
  let groupPositives = 0;
  let groupNegatives = 0;
  let concordant = 0;
  let precisionSum = 0;
  for (let j = 0; j < order.length; j++) {
    const weight = weights === undefined ? 1 : (weights[order[j] ?? 0] ?? 0);
    if (positive[j] === 1) groupPositives += weight;
    else groupNegatives += weight;
    if (groupEnd[j] === 0) continue;
    concordant += groupNegatives * (positives + groupPositives / 2);
    positives += groupPositives;
    negatives += groupNegatives;
    if (groupPositives > 0) precisionSum += (groupPositives * positives) / (positives + negatives);
    groupPositives = 0;
    groupNegatives = 0;
  }
  return {
    auc: positives > 0 && negatives > 0 ? concordant / (positives * negatives) : undefined,
    averagePrecision: positives > 0 ? precisionSum / positives : undefined,
  };
}

export interface RocPoint {
  readonly falsePositiveRate: number;
  readonly truePositiveRate: number;
  /** Examples that score at least this are called positive; undefined at (0, 0), where none is. */
  readonly threshold: number | undefined;
}

/** From (0, 0) to (1, 1), one point for each distinct score; empty unless both classes have weight. */
export function rocCurve(ranking: Ranking, weights?: Float64Array): RocPoint[] {
  const all = steps(ranking, weights);
  const last = all.at(-1);
  if (last === undefined || last.truePositive === 0 || last.falsePositive === 0) return [];
  return [
    { falsePositiveRate: 0, truePositiveRate: 0, threshold: undefined },
    ...all.map(({ threshold, truePositive, falsePositive }) => ({
      falsePositiveRate: falsePositive / last.falsePositive,
      truePositiveRate: truePositive / last.truePositive,
      threshold,
    })),
  ];
}

export interface PrecisionRecallPoint {
  readonly recall: number;
  readonly precision: number;
  readonly threshold: number;
}

/** One point for each distinct score, in descending order of score (recall rises); empty without positives. */
export function precisionRecallCurve(ranking: Ranking, weights?: Float64Array): PrecisionRecallPoint[] {
  const all = steps(ranking, weights).filter(
    ({ truePositive, falsePositive }) => truePositive + falsePositive > 0,
  );
  const positives = all.at(-1)?.truePositive ?? 0;
  if (positives === 0) return [];
  return all.map(({ threshold, truePositive, falsePositive }) => ({
    recall: truePositive / positives,
    precision: truePositive / (truePositive + falsePositive),
    threshold,
  }));
}

/** What a fixed threshold gives; a rate is undefined where it is 0/0. */
export interface OperatingPoint {
  /** An example that scores at least this is called positive. */
  readonly threshold: number;
  readonly sensitivity: number | undefined;
  readonly specificity: number | undefined;
  readonly positivePredictiveValue: number | undefined;
  readonly negativePredictiveValue: number | undefined;
}

/**
 * The highest threshold whose sensitivity is at least `sensitivity`, hence the highest specificity among those.
 * Chosen on validation examples it is applied to others with `operatingPointAt`; chosen and judged on the same
 * examples it is optimistic.
 * @param sensitivity In (0, 1].
 * @returns undefined without positives.
 * @throws MetricError where `sensitivity` is outside (0, 1].
 */
export function operatingPoint(ranking: Ranking, sensitivity: number): OperatingPoint | undefined {
  if (!(sensitivity > 0 && sensitivity <= 1)) {
    throw new MetricError(`the wanted sensitivity must be in (0, 1], got ${String(sensitivity)}`);
  }
  const all = steps(ranking);
  const positives = all.at(-1)?.truePositive ?? 0;
  // The tolerance keeps 0.9 of 10 at 9 in floating point.
  const chosen =
    positives > 0 ? all.find((s) => s.truePositive >= sensitivity * positives - 1e-9) : undefined;
  return chosen === undefined ? undefined : operatingPointAt(ranking, chosen.threshold);
}

/** The rates at a threshold that was chosen elsewhere. */
export function operatingPointAt(ranking: Ranking, threshold: number): OperatingPoint {
  const all = steps(ranking);
  const last = all.at(-1) ?? { truePositive: 0, falsePositive: 0 };
  const at = all.findLast((step) => step.threshold >= threshold) ?? { truePositive: 0, falsePositive: 0 };
  const trueNegative = last.falsePositive - at.falsePositive;
  const falseNegative = last.truePositive - at.truePositive;
  return {
    threshold,
    sensitivity: share(at.truePositive, falseNegative),
    specificity: share(trueNegative, at.falsePositive),
    positivePredictiveValue: share(at.truePositive, at.falsePositive),
    negativePredictiveValue: share(trueNegative, falseNegative),
  };
}

const share = (part: number, rest: number): number | undefined =>
  part + rest > 0 ? part / (part + rest) : undefined;
