/**
 * Does a map explain the model at all? Two questions with known answers.
 *
 * - Adebayo et al. 2018 ("Sanity Checks for Saliency Maps", §3): with randomised weights the map must be another one; a
 *   map that stays is an edge detector. Similarity is Spearman's rank correlation, as theirs.
 * - The pointing game (Zhang et al. 2016, §4.2): the strongest pixel must lie on the finding, within a tolerance.
 */
import { createRng, deriveSeed } from '../../rng.ts';
import type { Model } from '../graph/types.ts';
import { manifestOf } from '../weights.ts';
import { peakOf, type Heatmap } from './heatmap.ts';

/** The values of every kernel in another order: its distribution stays, what was learnt is gone. */
export function randomisedWeights(
  model: Pick<Model, 'parameters'>,
  weights: Float32Array,
  seed: number,
): Float32Array {
  const out = weights.slice();
  for (const { name, kind, offset, length } of manifestOf(model).entries) {
    if (kind !== 'kernel') continue;
    const values = Array.from(out.subarray(offset, offset + length));
    out.set(createRng(deriveSeed('randomised-weights', seed, name)).shuffle(values), offset);
  }
  return out;
}

/** Mean ranks from 0, ties sharing theirs. */
function ranksOf(values: Float32Array): Float64Array {
  const order = Uint32Array.from(values, (_, i) => i).sort((a, b) => (values[a] ?? 0) - (values[b] ?? 0));
  const ranks = new Float64Array(values.length);
  for (let start = 0; start < order.length;) {
    let end = start;
    while (end < order.length && values[order[end] ?? 0] === values[order[start] ?? 0]) end++;
    for (let i = start; i < end; i++) ranks[order[i] ?? 0] = (start + end - 1) / 2;
    start = end;
  }
  return ranks;
}

/** Spearman's rank correlation of two maps of one size, −1…1; 0 where a map is constant. */
export function rankCorrelation(first: Heatmap, second: Heatmap): number {
  const a = ranksOf(first.values);
  const b = ranksOf(second.values);
  const mean = (a.length - 1) / 2;
  let product = 0;
  let squaresA = 0;
  let squaresB = 0;
  a.forEach((rank, i) => {
    const other = (b[i] ?? 0) - mean;
    product += (rank - mean) * other;
    squaresA += (rank - mean) ** 2;
    squaresB += other ** 2;
  });
  const scale = Math.sqrt(squaresA * squaresB);
  return scale === 0 ? 0 : product / scale;
}

/**
 * Whether the strongest pixel lies on the finding.
 * @param marked [height, width], not 0 on the finding
 * @param tolerancePixels how far beside it still counts
 */
export function pointsAt(map: Heatmap, marked: ArrayLike<number>, tolerancePixels: number): boolean {
  const { row, column } = peakOf(map);
  for (let i = 0; i < marked.length; i++) {
    if (marked[i] === 0) continue;
    const distance = Math.hypot(Math.floor(i / map.width) - row, (i % map.width) - column);
    if (distance <= tolerancePixels) return true;
  }
  return false;
}
