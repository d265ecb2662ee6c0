/**
 * The confusion matrix and everything that follows from it alone.
 *
 * Definitions: Sokolova, Lapalme 2009, table 3 (per class, macro); Cohen 1960 (kappa); Gorodkin 2004, eq. 8
 * (the correlation of k classes). Where a quotient is 0/0 the value is `undefined`, never NaN:
 * - precision: the class was never predicted; recall: it has no examples; specificity: there is nothing else;
 *   F1: neither present nor predicted.
 * - A macro or weighted average of precision, recall or F1 runs over the classes that are present or predicted,
 *   with an undefined term counted as 0, so that a class that is never predicted cannot flatter the average.
 *   These are scikit-learn's defaults (`zero_division=0`).
 * - Balanced accuracy is the mean recall of the classes that are present; macro specificity the mean of those defined.
 */
import { MetricError } from './metric-error.ts';

export interface ConfusionMatrix {
  readonly classCount: number;
  /** [classCount, classCount]: row = true class, column = predicted class; (weighted) numbers of examples. */
  readonly counts: Float64Array;
}

/** One class against the rest. */
export interface ClassScores {
  readonly precision: number | undefined;
  /** Sensitivity. */
  readonly recall: number | undefined;
  readonly specificity: number | undefined;
  readonly f1: number | undefined;
}

interface ClassCounts {
  readonly truePositive: number;
  /** Examples of the class. */
  readonly actual: number;
  readonly predicted: number;
}

/**
 * @param labels [n], in 0…classCount−1.
 * @param predictions [n], in 0…classCount−1.
 * @param weights [n], each ≥ 0; 1 where absent.
 * @throws MetricError where lengths differ or a class is out of range.
 */
export function confusionMatrix(examples: {
  readonly labels: Int32Array;
  readonly predictions: Int32Array;
  readonly classCount: number;
  readonly weights?: Float64Array;
}): ConfusionMatrix {
  const { labels, predictions, classCount, weights } = examples;
  requireSameLength(labels.length, predictions.length, 'predictions');
  if (weights !== undefined) requireSameLength(labels.length, weights.length, 'weights');
  const counts = new Float64Array(classCount * classCount);
  labels.forEach((label, i) => {
    const predicted = predictions[i] ?? -1;
    requireClass(label, classCount, i);
    requireClass(predicted, classCount, i);
    counts[label * classCount + predicted] =
      (counts[label * classCount + predicted] ?? 0) + (weights?.[i] ?? 1);
  });
  return { classCount, counts };
}

/** Element-wise sum: the confusion matrix of both sets of examples together. */
export function addConfusion(a: ConfusionMatrix, b: ConfusionMatrix): ConfusionMatrix {
  requireSameLength(a.classCount, b.classCount, 'classes');
  return { classCount: a.classCount, counts: a.counts.map((count, i) => count + (b.counts[i] ?? 0)) };
}

/** As nested arrays, for JSON. */
export function confusionRows({ classCount, counts }: ConfusionMatrix): number[][] {
  return Array.from({ length: classCount }, (_, row) => [
    ...counts.subarray(row * classCount, (row + 1) * classCount),
  ]);
}

/** Scores of each class against the rest, by class index. */
export function classScores(matrix: ConfusionMatrix): ClassScores[] {
  const total = sum(matrix.counts);
  return countsByClass(matrix).map((counts) => scoresOf(counts, total));
}

/** The scores that need nothing but the confusion matrix; all undefined without examples. */
export interface ConfusionScores {
  readonly accuracy: number | undefined;
  readonly balancedAccuracy: number | undefined;
  readonly macroPrecision: number | undefined;
  readonly macroRecall: number | undefined;
  readonly macroSpecificity: number | undefined;
  readonly macroF1: number | undefined;
  readonly weightedPrecision: number | undefined;
  readonly weightedRecall: number | undefined;
  readonly weightedF1: number | undefined;
  readonly kappa: number | undefined;
  readonly mcc: number | undefined;
}

export function confusionScores(matrix: ConfusionMatrix): ConfusionScores {
  const classes = countsByClass(matrix);
  const total = sum(matrix.counts);
  const seen = classes.filter(({ actual, predicted }) => actual > 0 || predicted > 0);
  const scores = seen.map((counts) => scoresOf(counts, total));
  const supports = seen.map(({ actual }) => actual);
  const ones = seen.map(() => 1);
  const average = (key: keyof ClassScores, weights: readonly number[]): number | undefined =>
    weightedMean(
      scores.map((score) => score[key] ?? 0),
      weights,
    );
  const correct = classes.reduce((running, { truePositive }) => running + truePositive, 0);
  return {
    accuracy: ratio(correct, total),
    balancedAccuracy: meanOfDefined(scores.map(({ recall }) => recall)),
    macroPrecision: average('precision', ones),
    macroRecall: average('recall', ones),
    macroSpecificity: meanOfDefined(scores.map(({ specificity }) => specificity)),
    macroF1: average('f1', ones),
    weightedPrecision: average('precision', supports),
    weightedRecall: average('recall', supports),
    weightedF1: average('f1', supports),
    kappa: cohenKappa(classes, correct, total),
    mcc: matthews(classes, correct, total),
  };
}

/** Cohen 1960: agreement beyond chance; undefined where chance alone agrees fully (one class in labels and predictions). */
function cohenKappa(classes: readonly ClassCounts[], correct: number, total: number): number | undefined {
  const chance = classes.reduce((running, { actual, predicted }) => running + actual * predicted, 0);
  return ratio(correct * total - chance, total * total - chance);
}

/**
 * Gorodkin 2004: correlation of labels and predictions. Undefined where the labels have a single class; 0 where only
 * the predictions are constant (they say nothing), which is also its limit.
 */
function matthews(classes: readonly ClassCounts[], correct: number, total: number): number | undefined {
  const sums = classes.reduce(
    (running, { actual, predicted }) => ({
      both: running.both + actual * predicted,
      actual: running.actual + actual * actual,
      predicted: running.predicted + predicted * predicted,
    }),
    { both: 0, actual: 0, predicted: 0 },
  );
  const labelSpread = total * total - sums.actual;
  const predictionSpread = total * total - sums.predicted;
  if (labelSpread <= 0) return undefined;
  if (predictionSpread <= 0) return 0;
  return (correct * total - sums.both) / Math.sqrt(labelSpread * predictionSpread);
}

function countsByClass({ classCount, counts }: ConfusionMatrix): ClassCounts[] {
  return Array.from({ length: classCount }, (_, c) => {
    let actual = 0;
    let predicted = 0;
    for (let other = 0; other < classCount; other++) {
      actual += counts[c * classCount + other] ?? 0;
      predicted += counts[other * classCount + c] ?? 0;
    }
    return { truePositive: counts[c * classCount + c] ?? 0, actual, predicted };
  });
}

function scoresOf({ truePositive, actual, predicted }: ClassCounts, total: number): ClassScores {
  const falsePositive = predicted - truePositive;
  return {
    precision: ratio(truePositive, predicted),
    recall: ratio(truePositive, actual),
    specificity: ratio(total - actual - falsePositive, total - actual),
    f1: ratio(2 * truePositive, actual + predicted),
  };
}

const sum = (values: Iterable<number>): number => {
  let total = 0;
  for (const value of values) total += value;
  return total;
};

const ratio = (numerator: number, denominator: number): number | undefined =>
  denominator > 0 ? numerator / denominator : undefined;

/** Weighted mean; undefined where the weights sum to 0. */
export function weightedMean(values: readonly number[], weights: readonly number[]): number | undefined {
  return ratio(
    values.reduce((running, value, i) => running + value * (weights[i] ?? 0), 0),
    sum(weights),
  );
}

/** Mean of the defined values; undefined where there is none. */
export function meanOfDefined(values: readonly (number | undefined)[]): number | undefined {
  const defined = values.filter((value) => value !== undefined);
  return ratio(sum(defined), defined.length);
}

function requireSameLength(expected: number, actual: number, what: string): void {
  if (expected !== actual) {
    throw new MetricError(`expected ${String(expected)} ${what}, got ${String(actual)}`);
  }
}

function requireClass(value: number, classCount: number, example: number): void {
  if (value < 0 || value >= classCount) {
    throw new MetricError(
      `class ${String(value)} of example ${String(example)} is outside 0…${String(classCount - 1)}`,
    );
  }
}
