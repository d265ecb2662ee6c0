/**
 * How much better one classifier is than another on the same examples, with the interval of that difference: the percentile
 * bootstrap over patients (Efron, Tibshirani 1993, §13.3) of the examples' own differences. Because hard examples are hard for
 * both, it is far narrower than the two classifiers' own intervals suggest. It says nothing about other training runs.
 */
import { bootstrapWeights, clusterIndices, percentileInterval } from './bootstrap.ts';
import type { Estimate } from './evaluation.ts';
import { MetricError } from './metric-error.ts';
import { predictedClasses, type Matrix } from './probabilities.ts';

/** [n]: 1 where the most probable class is the label, otherwise 0. */
export function correctness(probabilities: Matrix, labels: Int32Array, classCount: number): Float64Array {
  const predicted = predictedClasses(probabilities, classCount);
  return Float64Array.from(labels, (label, i) => (label === predicted[i] ? 1 : 0));
}

export interface PairedScores {
  /** [n]: of each example, such as its `correctness`, or the mean of it over several models. */
  readonly first: Float64Array;
  readonly second: Float64Array;
  /** [n]; images of one patient share one value. */
  readonly patients?: readonly string[];
  readonly replicates: number;
  readonly seed: number;
}

/**
 * The mean of first − second; without a value for no examples, without an interval for fewer than two patients.
 * @throws MetricError where the lengths differ.
 */
export function pairedDifference({ first, second, patients, replicates, seed }: PairedScores): Estimate {
  const count = first.length;
  if (second.length !== count)
    throw new MetricError(
      `a paired difference needs the same examples: ${String(count)} and ${String(second.length)}`,
    );
  if (count === 0) return {};
  const differences = first.map((score, i) => score - (second[i] ?? 0));
  const value = differences.reduce((sum, difference) => sum + difference, 0) / count;
  const { clusters, clusterCount } = clusterIndices(count, patients);
  if (clusterCount < 2) return { value };
  const means: number[] = [];
  for (const weights of bootstrapWeights({ clusters, clusterCount, replicates, seed }))
    means.push(weightedMean(differences, weights));
  const interval = percentileInterval(means);
  return { value, ...(interval && { interval }) };
}

function weightedMean(values: Float64Array, weights: Float64Array): number {
  let sum = 0;
  let total = 0;
  for (let i = 0; i < values.length; i++) {
    sum += (values[i] ?? 0) * (weights[i] ?? 0);
    total += weights[i] ?? 0;
  }
  return sum / total;
}
