/**
 * How far probabilities can be believed: log loss, Brier score, expected calibration error, reliability curve.
 *
 * - Log loss: the mean of −ln p of the true class; p is kept at 2⁻⁵² or more, so that one certain mistake costs 36 and
 *   not infinity (scikit-learn does the same).
 * - Brier 1950: two classes, the mean of (p₁ − y₁)², in 0…1; more classes, the mean over examples of Σ (p − y)², in 0…2.
 * - Expected calibration error: Guo et al. 2017, eq. 3, of the predicted class, 15 bins of equal width (m/15, (m+1)/15].
 */
import type { Matrix } from './probabilities.ts';

export const CALIBRATION_BINS = 15;

/** One bin of the reliability curve. Sums instead of means, so that bins of several sites add up. */
export interface CalibrationBin {
  /** (Weighted) number of examples whose confidence lies in the bin. */
  readonly count: number;
  readonly confidenceSum: number;
  readonly correctSum: number;
}

/** −ln of the probability of each true class. @param probabilities [n, k] @returns [n] */
export function exampleLogLoss(probabilities: Matrix, labels: Int32Array): Float64Array {
  const classCount = probabilities.length / labels.length;
  return Float64Array.from(
    labels,
    (label, i) =>
      -Math.log(
        Math.min(1 - Number.EPSILON, Math.max(Number.EPSILON, probabilities[i * classCount + label] ?? 0)),
      ),
  );
}

/** Brier score of each example. @param probabilities [n, k] @returns [n] */
export function exampleBrier(probabilities: Matrix, labels: Int32Array): Float64Array {
  const classCount = probabilities.length / labels.length;
  const scale = classCount === 2 ? 0.5 : 1;
  return Float64Array.from(labels, (label, i) => {
    let total = 0;
    for (let c = 0; c < classCount; c++) {
      total += ((probabilities[i * classCount + c] ?? 0) - (c === label ? 1 : 0)) ** 2;
    }
    return total * scale;
  });
}

/** The bin of a confidence in 0…1: bin m holds (m/bins, (m+1)/bins], and 0 falls into the first. */
export function calibrationBin(confidence: number, bins = CALIBRATION_BINS): number {
  const near = Math.min(bins - 1, Math.max(0, Math.ceil(confidence * bins) - 1));
  // The product is rounded, and may put a confidence that equals an edge one bin too high.
  return near > 0 && confidence <= near / bins ? near - 1 : near;
}

/** Σ (count/n)·|accuracy − confidence|; undefined without examples. */
export function expectedCalibrationError(bins: readonly CalibrationBin[]): number | undefined {
  let total = 0;
  let gap = 0;
  for (const { count, confidenceSum, correctSum } of bins) {
    total += count;
    gap += Math.abs(correctSum - confidenceSum);
  }
  return total > 0 ? gap / total : undefined;
}

/** A bin as the reliability diagram shows it; the means are undefined in an empty bin. */
export interface ReliabilityBin {
  readonly low: number;
  readonly high: number;
  readonly count: number;
  readonly confidence: number | undefined;
  readonly accuracy: number | undefined;
}

export function reliabilityCurve(bins: readonly CalibrationBin[]): ReliabilityBin[] {
  return bins.map(({ count, confidenceSum, correctSum }, m) => ({
    low: m / bins.length,
    high: (m + 1) / bins.length,
    count,
    confidence: count > 0 ? confidenceSum / count : undefined,
    accuracy: count > 0 ? correctSum / count : undefined,
  }));
}
