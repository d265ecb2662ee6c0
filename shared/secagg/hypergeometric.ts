/** Tails of the hypergeometric distribution: marked items among `draws` without replacement. */

/** ln k! for k in 0…n, summed up. */
export function logFactorials(n: number): Float64Array {
  const table = new Float64Array(n + 1);
  for (let k = 2; k <= n; k++) table[k] = (table[k - 1] ?? 0) + Math.log(k);
  return table;
}

export interface Draw {
  readonly population: number;
  readonly marked: number;
  readonly draws: number;
  /** `logFactorials` of at least the population. */
  readonly factorials: Float64Array;
}

function logChoose(factorials: Float64Array, n: number, k: number): number {
  return (factorials[n] ?? 0) - (factorials[k] ?? 0) - (factorials[n - k] ?? 0);
}

/** P[X = k]; 0 outside the support. */
export function probability({ population, marked, draws, factorials }: Draw, k: number): number {
  if (k < Math.max(0, draws - (population - marked)) || k > Math.min(marked, draws)) return 0;
  const log = logChoose(factorials, marked, k) + logChoose(factorials, population - marked, draws - k);
  return Math.exp(log - logChoose(factorials, population, draws));
}

/** Smallest k with P[X > k] ≤ `tail`: summed from the far end, smallest terms first. */
export function upperQuantile(draw: Draw, tail: number): number {
  let sum = 0;
  for (let k = Math.min(draw.marked, draw.draws); k >= 0; k--) {
    sum += probability(draw, k);
    if (sum > tail) return k;
  }
  return -1;
}

/** Smallest k with P[X ≤ k] > `tail`. */
export function lowerQuantile(draw: Draw, tail: number): number {
  let sum = 0;
  for (let k = 0; k <= draw.draws; k++) {
    sum += probability(draw, k);
    if (sum > tail) return k;
  }
  return draw.draws;
}
