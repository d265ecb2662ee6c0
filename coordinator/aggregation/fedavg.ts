/**
 * Federated averaging: McMahan et al. 2017, "Communication-Efficient Learning of Deep Networks from Decentralized
 * Data", Algorithm 1, w ← w + Σ n_k·Δ_k / Σ n_k over the sites k of the round.
 *
 * Each term n_k·Δ_k is rounded to a multiple of 2⁻²⁰ and the sum is kept as float64 integers below 2⁵³, where addition
 * is exact. The result therefore depends on the set of updates alone, not on the order in which they arrive, while
 * the memory is one vector whatever the size of the cohort. The rounding changes the average by at most
 * (cohort/2)·2⁻²⁰ / Σ n_k, far below float32's own resolution for any real number of examples.
 */
import { InvariantError } from '../../shared/errors.ts';
import { MAX_COHORT } from '../../shared/protocol/messages.ts';
import type { UpdatePayload } from '../../shared/protocol/update-payload.ts';

const UNITS = 2 ** 20;
/** Largest |n·Δ|·2²⁰ of one update, so that a full cohort's sum stays below 2⁵³. */
const MAX_TERM = 2 ** 53 / MAX_COHORT;

/** Added and taken away again it rounds every |x| < 2⁵¹, so every term, to an integer. */
const ROUNDING = 1.5 * 2 ** 52;

export interface FedAvgSum {
  /** [parameters], each an integer: Σ round(n_k·Δ_k·2²⁰). */
  readonly terms: Float64Array;
  exampleCount: number;
  updateCount: number;
}

export function initFedAvg(parameterCount: number): FedAvgSum {
  return { terms: new Float64Array(parameterCount), exampleCount: 0, updateCount: 0 };
}

/** Whether values up to `largest` are small enough for the exact sum when they are weighted: |n·Δ| ≤ 2²³. */
export function isSummable(largest: number, exampleCount: number): boolean {
  return largest * exampleCount * UNITS <= MAX_TERM;
}

/** Adds an update in place. @throws InvariantError when it does not fit; admission has checked it before. */
export function addUpdate(sum: FedAvgSum, update: UpdatePayload): void {
  const { delta, exampleCount } = update;
  const { terms } = sum;
  if (delta.length !== terms.length) throw new InvariantError('the update and the sum differ in length');
  if (sum.updateCount >= MAX_COHORT) throw new InvariantError('more updates than a cohort may have sites');
  const factor = exampleCount * UNITS;
  let largest = 0;
  for (let i = 0; i < terms.length; i++) {
    const value = (delta[i] ?? 0) * factor;
    const size = Math.abs(value);
    if (size > largest) largest = size;
    // To the nearest integer, ties to even: near 1.5·2⁵² neighbours are 1 apart. Far faster than Math.round.
    terms[i] = (terms[i] ?? 0) + (value + ROUNDING - ROUNDING);
  }
  if (largest > MAX_TERM) throw new InvariantError('an update is too large to be summed exactly');
  sum.exampleCount += exampleCount;
  sum.updateCount++;
}

/** [parameters]: Σ n_k·Δ_k / Σ n_k. @throws InvariantError when no update was added. */
export function meanUpdate(sum: FedAvgSum): Float64Array {
  if (sum.exampleCount === 0) throw new InvariantError('an average needs at least one update');
  const divisor = sum.exampleCount * UNITS;
  return sum.terms.map((term) => term / divisor);
}

/** The new global weights. @throws InvariantError when no update was added. */
export function applyFedAvg(sum: FedAvgSum, globalWeights: Float32Array): Float32Array {
  const mean = meanUpdate(sum);
  return globalWeights.map((weight, i) => weight + (mean[i] ?? 0));
}
