/**
 * A site's control variate in SCAFFOLD: Karimireddy et al. 2020, "SCAFFOLD: Stochastic Controlled Averaging for
 * Federated Learning", Algorithm 1, line 12, option II: cᵢ⁺ = cᵢ − c + (x − yᵢ)/(K·η).
 *
 * With plain SGD (x − yᵢ)/(K·η) is the mean corrected gradient of the K local steps, so that cᵢ⁺ is their mean gradient.
 * When the rate changes from step to step, K·η is the sum of the rates; where parameters have a factor on their rate, so
 * has their sum.
 */
import { trainableRanges } from '../../shared/learning/training/trainable-ranges.ts';
import type { Manifest } from '../../shared/learning/weights.ts';

export interface ControlInput {
  /** cᵢ. */
  readonly control: Float32Array;
  /** c. */
  readonly serverControl: Float32Array;
  /** yᵢ − x: local weights minus global weights. */
  readonly delta: Float32Array;
  /** Sum of the learning rates of the local steps, above 0. */
  readonly rateSum: number;
  readonly manifest: Manifest;
}

/** cᵢ⁺; 0 for values that are not trained. */
export function nextSiteControl(input: ControlInput): Float32Array {
  const { control, serverControl, delta, rateSum, manifest } = input;
  const next = new Float32Array(control.length);
  for (const { start, end, rateFactor } of trainableRanges(manifest))
    for (let i = start; i < end; i++)
      next[i] = (control[i] ?? 0) - (serverControl[i] ?? 0) - (delta[i] ?? 0) / (rateSum * rateFactor);
  return next;
}
