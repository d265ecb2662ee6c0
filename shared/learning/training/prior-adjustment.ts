/**
 * Adjustment for class priors (Menon et al. 2021, "Long-tail learning via logit adjustment", eq. 9) folded into the
 * bias of the last layer: logit − τ·log(prior). The exported model then decides as the evaluation did.
 */
import { InvariantError } from '../../errors.ts';
import { adjustLogits } from './class-weights.ts';
import { logitBiasSpan } from './logit-calibration.ts';
import type { Manifest } from '../weights.ts';

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

/**
 * The same for the counts of a federation, as a model of a plan with that adjustment is used.
 * @param options `counts`: undefined where the plan needs none
 * @throws InvariantError when τ is not 0 and there are no counts
 */
export function foldFederatedPrior(
  weights: Float32Array,
  manifest: Manifest,
  { counts, tau }: { readonly counts: readonly number[] | undefined; readonly tau: number },
): Float32Array {
  if (tau === 0) return weights;
  if (!counts)
    throw new InvariantError('a plan with logit adjustment has the class counts of the federation');
  return foldPriorAdjustment(weights, manifest, { counts, tau });
}
