/**
 * Weights of classes in the loss from the number of examples of each, and the adjustment of logits for class priors.
 * The counts may be those of one site or of a whole federation.
 */
import { InputError } from '../../errors.ts';
import type { ClassWeighting } from './recipe.ts';

/** Number of examples of each class. */
export function classCountsOf(labels: Int32Array, classCount: number): number[] {
  const counts = new Array<number>(classCount).fill(0);
  for (const label of labels) counts[label] = (counts[label] ?? 0) + 1;
  return counts;
}

/**
 * A weight for each class; an absent class has weight 0, as its weight would be infinite and is never used.
 * The mean weight over all counted examples is 1, so that the loss keeps its size.
 * @throws InputError when no class has an example or a count is negative.
 */
export function classWeights(weighting: ClassWeighting, counts: readonly number[]): number[] {
  if (counts.some((n) => !(n >= 0)) || counts.every((n) => n === 0))
    throw new InputError('class weights need counts of at least one example, none of them negative');
  switch (weighting.kind) {
    case 'none':
      return counts.map(() => 1);
    case 'balanced':
    case 'federated':
      // n/(k·n_c) over the k classes that are present, as scikit-learn's class_weight='balanced'.
      return scaledToUnitMean(
        counts.map((n) => (n > 0 ? 1 / n : 0)),
        counts,
      );
    case 'effective':
      // Cui et al. 2019, "Class-Balanced Loss Based on Effective Number of Samples", eq. 2.
      return scaledToUnitMean(
        counts.map((n) => (n > 0 ? 1 / effectiveNumber(n, weighting.beta) : 0)),
        counts,
      );
  }
}

/** (1 − β^n)/(1 − β), by expm1 because β^n is close to 1 for rare classes. */
export function effectiveNumber(count: number, beta: number): number {
  return -Math.expm1(count * Math.log(beta)) / (1 - beta);
}

function scaledToUnitMean(weights: readonly number[], counts: readonly number[]): number[] {
  const total = counts.reduce((a, b) => a + b, 0);
  const weighted = weights.reduce((sum, weight, c) => sum + weight * (counts[c] ?? 0), 0);
  return weights.map((weight) => (weight * total) / weighted);
}

/**
 * Logits for balanced error: logit − τ·log(prior) (Menon et al. 2021, "Long-tail learning via logit adjustment",
 * eq. 9), of logits [n, classes] trained without class weights. Weights and adjustment both together correct twice.
 * A class without examples counts as one half example, so that its logit stays finite. τ = 0 changes nothing.
 */
export function adjustLogits(logits: Float32Array, counts: readonly number[], tau: number): Float32Array {
  const present = counts.map((n) => Math.max(n, 0.5));
  const total = present.reduce((a, b) => a + b, 0);
  const offsets = present.map((n) => tau * Math.log(n / total));
  return logits.map((logit, i) => logit - (offsets[i % offsets.length] ?? 0));
}
