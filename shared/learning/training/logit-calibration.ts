/**
 * A loss that knows the class prior of the images it is computed on: τ·log(prior) is added to the logits in training and
 * left out in use. Menon et al. 2021, "Long-tail learning via logit adjustment", eq. 10; with each site's own prior it
 * is the answer to label skew of Zhang et al. 2022, "Federated Learning with Label Distribution Skew via Logits
 * Calibration" (there with n^(−1/4) for the logarithm). A site that lacks a class then does not unlearn it, and sites of
 * different mixes agree on a model for equally frequent classes.
 *
 * The logits are the last layer's products plus its bias, so that the addition is one to that bias: every engine can
 * do it, and nothing of the training graph changes.
 */
import { InputError } from '../../errors.ts';
import type { CompiledModel } from '../engines/engine.ts';
import type { Manifest } from '../weights.ts';
import { adjustLogits } from './class-weights.ts';

/** Name of the bias that the built-in architectures add to the logits. */
const LOGIT_BIAS = 'head.bias';

/**
 * Where the bias of the logits stands in a weight vector.
 * @throws InputError when the model adds none
 */
export function logitBiasSpan(manifest: Manifest, classCount: number): { start: number; end: number } {
  const entry = manifest.entries.find(({ name }) => name === LOGIT_BIAS);
  if (entry?.length !== classCount)
    throw new InputError(
      'the model has no bias on its logits that class priors could be added to: ' +
        'set logitCalibrationTau and logitAdjustmentTau to 0, or choose a built-in architecture',
    );
  return { start: entry.offset, end: entry.offset + entry.length };
}

export type Gradients = CompiledModel['gradients'];

/**
 * The model's gradients under the calibrated loss. While they are computed the weights hold the shifted bias; then
 * every bit of them is as before.
 * @param prior `counts`: examples of each class; `tau` 0 leaves the loss as it is
 * @throws InputError when the model has no bias on its logits
 */
export function calibratedGradients(
  compiled: Pick<CompiledModel, 'gradients'>,
  manifest: Manifest,
  { counts, tau }: { readonly counts: readonly number[]; readonly tau: number },
): Gradients {
  if (tau === 0) return (weights, batch, out) => compiled.gradients(weights, batch, out);
  const { start, end } = logitBiasSpan(manifest, counts.length);
  return async (weights, batch, out) => {
    const bias = weights.subarray(start, end);
    const kept = bias.slice();
    bias.set(adjustLogits(kept, counts, -tau));
    try {
      return await compiled.gradients(weights, batch, out);
    } finally {
      bias.set(kept);
    }
  };
}
