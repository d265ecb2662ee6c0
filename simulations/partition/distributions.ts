/** Random variates beyond uniform and normal, for seeded partitions. */
import type { Rng } from '../../shared/rng.ts';

/**
 * Logarithm of a Gamma(shape, 1) variate, `shape` > 0: Marsaglia and Tsang 2000, "A simple method for generating gamma
 * variables", §2, with the boost of §6 for shapes below 1. The logarithm stays finite where the variate underflows.
 */
export function logGamma(rng: Rng, shape: number): number {
  if (shape < 1) return logGamma(rng, shape + 1) + Math.log(1 - rng.uniform()) / shape;
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = rng.normal();
    const cube = (1 + c * x) ** 3;
    if (cube <= 0) continue;
    // 1 − uniform is in (0, 1], so that the logarithm is finite.
    const u = 1 - rng.uniform();
    if (Math.log(u) < 0.5 * x * x + d - d * cube + d * Math.log(cube)) return Math.log(d * cube);
  }
}

/** One Dirichlet variate: shares that sum to 1. Concentrations of 0 give share 0; at least one is above 0. */
export function dirichlet(rng: Rng, concentrations: readonly number[]): number[] {
  const logs = concentrations.map((shape) => (shape > 0 ? logGamma(rng, shape) : -Infinity));
  const highest = Math.max(...logs);
  const weights = logs.map((log) => Math.exp(log - highest));
  const total = weights.reduce((a, b) => a + b, 0);
  return weights.map((weight) => weight / total);
}

/** Index drawn with probability proportional to its weight (≥ 0, not all 0). */
export function weightedIndex(rng: Rng, weights: readonly number[]): number {
  const total = weights.reduce((a, b) => a + b, 0);
  let left = rng.uniform() * total;
  let last = 0;
  for (const [index, weight] of weights.entries()) {
    if (weight <= 0) continue;
    if (left < weight) return index;
    left -= weight;
    last = index;
  }
  return last;
}
