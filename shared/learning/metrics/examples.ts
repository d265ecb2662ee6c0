/** Predictions and labels, checked once and prepared, so that each metric and each bootstrap replicate is one pass. */
import { calibrationBin, exampleBrier, exampleLogLoss } from './calibration.ts';
import { MetricError } from './metric-error.ts';
import { predictedClasses, type Matrix } from './probabilities.ts';
import { rank, type Ranking } from './ranking.ts';

export interface Examples {
  /** [n, classCount]; each row a distribution (sums to 1 within 10⁻³). */
  readonly probabilities: Matrix;
  /** [n], in 0…classCount−1. */
  readonly labels: Int32Array;
  readonly classCount: number;
}

export interface PreparedExamples {
  readonly count: number;
  readonly classCount: number;
  readonly labels: Int32Array;
  /** [n] */
  readonly predictions: Int32Array;
  /** [n]: probability of the predicted class. */
  readonly confidence: Float64Array;
  /** [n]: bin of that confidence. */
  readonly bin: Int32Array;
  readonly logLoss: Float64Array;
  readonly brier: Float64Array;
  /** By class: its examples against the rest, ranked by its probability. */
  readonly rankings: readonly Ranking[];
}

/** @throws MetricError where shapes disagree, a label is out of range, or a row is not a distribution. */
export function prepareExamples({ probabilities, labels, classCount }: Examples): PreparedExamples {
  if (classCount < 2) throw new MetricError(`a classifier has at least 2 classes, got ${String(classCount)}`);
  if (probabilities.length !== labels.length * classCount) {
    throw new MetricError(
      `${String(probabilities.length)} probabilities for ${String(labels.length)} labels and ${String(classCount)} classes; expected [n, classes]`,
    );
  }
  labels.forEach((label, i) => {
    requireExample(probabilities, label, i, classCount);
  });
  const predictions = predictedClasses(probabilities, classCount);
  const confidence = Float64Array.from(predictions, (c, i) => probabilities[i * classCount + c] ?? 0);
  return {
    count: labels.length,
    classCount,
    labels,
    predictions,
    confidence,
    bin: Int32Array.from(confidence, (value) => calibrationBin(value)),
    logLoss: exampleLogLoss(probabilities, labels),
    brier: exampleBrier(probabilities, labels),
    rankings: Array.from({ length: classCount }, (_, c) =>
      rank(classColumn(probabilities, classCount, c), (i) => labels[i] === c),
    ),
  };
}

/** The probabilities of one class. @returns [n] */
export function classColumn(probabilities: Matrix, classCount: number, classIndex: number): Float64Array {
  return Float64Array.from(
    { length: probabilities.length / classCount },
    (_, i) => probabilities[i * classCount + classIndex] ?? 0,
  );
}

const ROW_SUM_TOLERANCE = 1e-3;

function requireExample(probabilities: Matrix, label: number, i: number, classCount: number): void {
  if (label < 0 || label >= classCount) {
    throw new MetricError(
      `label ${String(label)} of example ${String(i)} is outside 0…${String(classCount - 1)}`,
    );
  }
  let total = 0;
  let valid = true;
  for (let c = 0; c < classCount; c++) {
    const p = probabilities[i * classCount + c] ?? NaN;
    valid &&= p >= 0 && p <= 1 + ROW_SUM_TOLERANCE;
    total += p;
  }
  if (!valid || Math.abs(total - 1) > ROW_SUM_TOLERANCE) {
    throw new MetricError(
      `the probabilities of example ${String(i)} are not a distribution (sum ${String(total)}); pass softmax(logits)`,
    );
  }
}
