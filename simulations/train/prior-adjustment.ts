/**
 * Adjustment for class priors (Menon et al. 2021, "Long-tail learning via logit adjustment", eq. 9) folded into the
 * bias of the last layer: logit − τ·log(prior). The exported model then decides as the evaluation did.
 */
import { adjustLogits } from '../../shared/learning/training/class-weights.ts';
import { logitBiasSpan } from '../../shared/learning/training/logit-calibration.ts';
import type { Manifest } from '../../shared/learning/weights.ts';

/**
 * A copy of the weights with the adjustment; the same array where τ is 0.
 * @param counts training images of each class
 * @throws InputError when the model has no bias on its logits
 */
export function foldPriorAdjustment(
  weights: Float32Array,
  manifest: Manifest,
  options: { readonly counts: readonly number[]; readonly tau: number },
): Float32Array {
  const { counts, tau } = options;
  if (tau === 0) return weights;
  const { start, end } = logitBiasSpan(manifest, counts.length);
  const adjusted = weights.slice();
  const bias = adjusted.subarray(start, end);
  bias.set(adjustLogits(bias, counts, tau));
  return adjusted;
}
