/**
 * Metrics over sites without sharing examples: each site sends one vector of sums, and merging is adding vectors, which
 * is exactly what secure aggregation does. From the total follow the metrics of the union of all sites' examples:
 *
 * - exactly: accuracy, everything else that a confusion matrix gives, log loss, Brier score, calibration error;
 * - within bounds: the area under the ROC curve, from histograms of the scores of positives and negatives. Pairs in
 *   different bins are ordered correctly; pairs in one bin count one half and are the only uncertainty.
 */
import { CALIBRATION_BINS, expectedCalibrationError, type CalibrationBin } from './calibration.ts';
import { confusionScores, type ConfusionMatrix, type ConfusionScores } from './confusion.ts';
import { classColumn, prepareExamples, type Examples } from './examples.ts';
import { MetricError } from './metric-error.ts';
import { scoreExamples } from './scores.ts';

/** A mean that can be merged: Σ weight·value and Σ weight. */
export interface WeightedSum {
  readonly sum: number;
  readonly weight: number;
}

export function mergeSums(parts: readonly WeightedSum[]): WeightedSum {
  return parts.reduce((a, b) => ({ sum: a.sum + b.sum, weight: a.weight + b.weight }), { sum: 0, weight: 0 });
}

/** sum / weight; undefined where the weight is 0. */
export function meanOf({ sum, weight }: WeightedSum): number | undefined {
  return weight > 0 ? sum / weight : undefined;
}

/** What both sides must agree on to add and to read a vector. */
export interface MergeableLayout {
  readonly classCount: number;
  /** Bins of each score histogram, of equal width over 0…1. */
  readonly scoreBins: number;
}

/** Length of the vector: 3 scalars, confusion matrix, 3 sums a calibration bin, two histograms a class. */
export function mergeableLength({ classCount, scoreBins }: MergeableLayout): number {
  return 3 + classCount * classCount + 3 * CALIBRATION_BINS + 2 * classCount * scoreBins;
}

/**
 * A site's sums. All entries are ≥ 0; the numbers of examples among them are integers.
 * @returns [mergeableLength]: n, Σ log loss, Σ Brier; confusion [k, k]; calibration [15, 3] (count, Σ confidence,
 *   Σ correct); histograms [k, 2, scoreBins] (negatives, then positives of each class).
 * @throws MetricError as `prepareExamples`.
 */
export function mergeableMetrics(examples: Examples, scoreBins: number): Float64Array {
  const { classCount, labels, probabilities } = examples;
  const { overall, confusion, calibration } = scoreExamples(prepareExamples(examples));
  const n = labels.length;
  const histograms = new Float64Array(2 * classCount * scoreBins);
  for (let c = 0; c < classCount; c++) {
    classColumn(probabilities, classCount, c).forEach((score, i) => {
      const bin = Math.min(scoreBins - 1, Math.floor(score * scoreBins));
      const at = (2 * c + (labels[i] === c ? 1 : 0)) * scoreBins + bin;
      histograms[at] = (histograms[at] ?? 0) + 1;
    });
  }
  return Float64Array.from([
    n,
    n * (overall.logLoss ?? 0),
    n * (overall.brier ?? 0),
    ...confusion.counts,
    ...calibration.flatMap(({ count, confidenceSum, correctSum }) => [count, confidenceSum, correctSum]),
    ...histograms,
  ]);
}

/** Element-wise sum. @throws MetricError where the lengths differ or there is no vector. */
export function mergeVectors(vectors: readonly Float64Array[]): Float64Array {
  const [first, ...others] = vectors;
  if (first === undefined) throw new MetricError('there are no site metrics to merge');
  const total = first.slice();
  for (const vector of others) {
    if (vector.length !== total.length) {
      throw new MetricError(
        `site metrics have ${String(vector.length)} and ${String(total.length)} entries; sites must use the same classes and bins`,
      );
    }
    vector.forEach((value, i) => (total[i] = (total[i] ?? 0) + value));
  }
  return total;
}

/** The area under the curve of binned scores, and the least and greatest that the scores themselves can have. */
export interface BoundedArea {
  readonly auc: number;
  readonly low: number;
  readonly high: number;
}

export interface MergedMetrics {
  readonly exampleCount: number;
  readonly logLoss: number | undefined;
  readonly brier: number | undefined;
  readonly calibrationError: number | undefined;
  readonly confusion: ConfusionMatrix;
  readonly scores: ConfusionScores;
  /** By class, against the rest; undefined where the class has no positives or no negatives. */
  readonly areas: readonly (BoundedArea | undefined)[];
}

/** The metrics that a (merged) vector holds. @throws MetricError where its length does not fit the layout. */
export function readMergeable(vector: Float64Array, layout: MergeableLayout): MergedMetrics {
  const { classCount, scoreBins } = layout;
  if (vector.length !== mergeableLength(layout)) {
    throw new MetricError(
      `site metrics have ${String(vector.length)} entries, the layout needs ${String(mergeableLength(layout))}`,
    );
  }
  const exampleCount = vector[0] ?? 0;
  const calibrationStart = 3 + classCount * classCount;
  const histogramStart = calibrationStart + 3 * CALIBRATION_BINS;
  const confusion = { classCount, counts: vector.slice(3, calibrationStart) };
  const histogram = (index: number): Float64Array =>
    vector.subarray(histogramStart + index * scoreBins, histogramStart + (index + 1) * scoreBins);
  return {
    exampleCount,
    logLoss: meanOf({ sum: vector[1] ?? 0, weight: exampleCount }),
    brier: meanOf({ sum: vector[2] ?? 0, weight: exampleCount }),
    calibrationError: expectedCalibrationError(
      calibrationBins(vector.subarray(calibrationStart, histogramStart)),
    ),
    confusion,
    scores: confusionScores(confusion),
    areas: Array.from({ length: classCount }, (_, c) =>
      histogramArea(histogram(2 * c), histogram(2 * c + 1)),
    ),
  };
}

function calibrationBins(sums: Float64Array): CalibrationBin[] {
  return Array.from({ length: CALIBRATION_BINS }, (_, m) => ({
    count: sums[3 * m] ?? 0,
    confidenceSum: sums[3 * m + 1] ?? 0,
    correctSum: sums[3 * m + 2] ?? 0,
  }));
}

/**
 * @param negatives [bins], @param positives [bins]: examples by bin of their score, ascending.
 * @returns undefined unless both hold examples.
 */
export function histogramArea(negatives: Float64Array, positives: Float64Array): BoundedArea | undefined {
  let below = 0;
  let ordered = 0;
  let tied = 0;
  let positiveCount = 0;
  negatives.forEach((negative, bin) => {
    const positive = positives[bin] ?? 0;
    ordered += positive * below;
    tied += positive * negative;
    below += negative;
    positiveCount += positive;
  });
  const pairs = below * positiveCount;
  if (pairs === 0) return undefined;
  return { auc: (ordered + tied / 2) / pairs, low: ordered / pairs, high: (ordered + tied) / pairs };
}
