/**
 * From logits to probabilities to decisions, safe for any finite logits: the largest logit of a row is subtracted
 * before exponentials are taken (log-sum-exp), so that nothing overflows.
 */
import { MetricError } from './metric-error.ts';

/** Row-major values of n examples and k classes. */
export type Matrix = Float32Array | Float64Array;

/**
 * Softmax of each row.
 * @param logits [n, classCount]; −∞ is allowed (a class that is ruled out) as long as the row has a finite logit.
 * @returns [n, classCount]; every row sums to 1.
 * @throws MetricError where the length is no multiple of classCount, or a row has NaN, +∞ or only −∞.
 */
export function softmax(logits: Matrix, classCount: number): Float64Array {
  requireRows(logits, classCount);
  const out = new Float64Array(logits.length);
  for (let start = 0; start < logits.length; start += classCount) {
    let largest = -Infinity;
    for (let c = 0; c < classCount; c++) {
      const logit = logits[start + c] ?? NaN;
      if (Number.isNaN(logit)) largest = NaN;
      else if (logit > largest) largest = logit;
    }
    if (!Number.isFinite(largest)) throw badRow(start / classCount);
    let total = 0;
    for (let c = 0; c < classCount; c++) {
      total += out[start + c] = Math.exp((logits[start + c] ?? NaN) - largest);
    }
    for (let c = 0; c < classCount; c++) out[start + c] = (out[start + c] ?? NaN) / total;
  }
  return out;
}

/**
 * Two-class probabilities of one logit per example.
 * @param logits [n]: the log-odds of class 1.
 * @returns [n, 2].
 * @throws MetricError where a logit is NaN.
 */
export function sigmoidProbabilities(logits: Matrix): Float64Array {
  const out = new Float64Array(2 * logits.length);
  logits.forEach((logit, i) => {
    if (Number.isNaN(logit)) throw badRow(i);
    out[2 * i] = sigmoid(-logit);
    out[2 * i + 1] = sigmoid(logit);
  });
  return out;
}

/** 1/(1+e^−x), without overflow and without losing small values to cancellation. */
export function sigmoid(x: number): number {
  if (x >= 0) return 1 / (1 + Math.exp(-x));
  const e = Math.exp(x);
  return e / (1 + e);
}

/** The most probable class of each row; the lowest index among equals. @returns [n] */
export function predictedClasses(probabilities: Matrix, classCount: number): Int32Array {
  requireRows(probabilities, classCount);
  const out = new Int32Array(probabilities.length / classCount);
  for (let i = 0; i < out.length; i++) {
    let best = 0;
    for (let c = 1; c < classCount; c++) {
      const start = i * classCount;
      if ((probabilities[start + c] ?? 0) > (probabilities[start + best] ?? 0)) best = c;
    }
    out[i] = best;
  }
  return out;
}

function requireRows(values: Matrix, classCount: number): void {
  if (!Number.isInteger(classCount) || classCount < 1 || values.length % classCount !== 0) {
    throw new MetricError(
      `${String(values.length)} values do not form rows of ${String(classCount)} classes; pass [n, classes] row by row`,
    );
  }
}

function badRow(row: number): MetricError {
  return new MetricError(
    `the logits of example ${String(row)} are not finite; the training has probably diverged (lower the learning rate)`,
  );
}
