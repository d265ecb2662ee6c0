/**
 * The threshold on the probability of class 1 that makes most decisions right on a set of examples. It is chosen on
 * validation images and used on others: where sites differ in their mix of classes, .5 says little about a model.
 */
import { MetricError } from './metric-error.ts';

interface ScoredExamples {
  /** [n], the probability of class 1. */
  readonly scores: ArrayLike<number>;
  /** [n], 0 or 1. */
  readonly labels: ArrayLike<number>;
}

const EVEN = 0.5;

/**
 * In the middle between two neighbouring scores; of equally good ones the nearest to .5, which itself is one of them.
 * Class 1 is decided from the threshold on. @throws MetricError without examples or when the lengths differ
 */
export function accuracyThreshold(examples: ScoredExamples): number {
  const { scores, labels } = examples;
  if (scores.length === 0 || scores.length !== labels.length)
    throw new MetricError('a threshold needs examples, each with a score and a label');
  const sorted = Array.from(scores).sort((a, b) => a - b);
  const between = sorted.slice(1).map((score, i) => (score + (sorted[i] ?? score)) / 2);
  const candidates = [EVEN, 0, ...between, 1].sort((a, b) => Math.abs(a - EVEN) - Math.abs(b - EVEN));
  let best = EVEN;
  let bestAccuracy = -1;
  for (const threshold of new Set(candidates)) {
    const accuracy = accuracyAt(examples, threshold);
    if (accuracy <= bestAccuracy) continue;
    best = threshold;
    bestAccuracy = accuracy;
  }
  return best;
}

/** Share of the examples that the threshold decides rightly, in [0, 1]. */
export function accuracyAt({ scores, labels }: ScoredExamples, threshold: number): number {
  let right = 0;
  for (let i = 0; i < scores.length; i++) {
    const decided = (scores[i] ?? 0) >= threshold ? 1 : 0;
    if (decided === labels[i]) right++;
  }
  return right / scores.length;
}
