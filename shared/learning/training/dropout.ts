/**
 * Masks of inverted dropout (Srivastava et al. 2014, "Dropout", §10: scaling by 1/(1−p) in training, nothing at
 * inference), drawn outside the graph so that the same seed drops the same values on every engine.
 */
import type { Rng } from '../../rng.ts';
import type { DropoutMask } from '../engines/engine.ts';

/** Values that the masks of one batch have together. */
export function dropoutLength(masks: readonly DropoutMask[], batchSize: number): number {
  return masks.reduce((sum, mask) => sum + batchSize * mask.length, 0);
}

/** Writes the masks of one batch one after the other: 0 with the mask's probability, else 1/(1−ratio). */
export function fillDropoutMasks(
  masks: readonly DropoutMask[],
  batchSize: number,
  rng: Rng,
  out: Float32Array,
): void {
  let position = 0;
  for (const { length, ratio } of masks) {
    const threshold = ratio * 0x1_0000_0000;
    const kept = 1 / (1 - ratio);
    const end = position + batchSize * length;
    for (; position < end; position++) out[position] = rng.uint32() < threshold ? 0 : kept;
  }
}
