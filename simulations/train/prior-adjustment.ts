/**
 * Adjustment for class priors (Menon et al. 2021, "Long-tail learning via logit adjustment", eq. 9) folded into the
 * bias of the last layer: logit − τ·log(prior). The exported model then decides as the evaluation did.
 */
import { InvariantError } from '../../shared/errors.ts';
import { adjustLogits } from '../../shared/learning/training/class-weights.ts';
import type { Manifest } from '../../shared/learning/weights.ts';

/** Name of the bias that the built-in architectures add to the logits. */
const HEAD_BIAS = 'head.bias';

/**
 * A copy of the weights with the adjustment; the same array where τ is 0.
 * @param counts training images of each class
 * @throws InvariantError when the model has no bias on its logits
 */
export function foldPriorAdjustment(
  weights: Float32Array,
  manifest: Manifest,
  options: { readonly counts: readonly number[]; readonly tau: number },
): Float32Array {
  const { counts, tau } = options;
  if (tau === 0) return weights;
  const entry = manifest.entries.find(({ name }) => name === HEAD_BIAS);
  if (entry?.length !== counts.length)
    throw new InvariantError('the model has no bias that an adjustment for class priors can be added to');
  const adjusted = weights.slice();
  const bias = adjusted.subarray(entry.offset, entry.offset + entry.length);
  bias.set(adjustLogits(bias, counts, tau));
  return adjusted;
}
