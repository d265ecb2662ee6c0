/**
 * What federated methods add to a local gradient. Each is a function on flat vectors that runs between the engine
 * and the optimiser, and touches trainable values only: the slots of running statistics hold statistics, not gradients.
 */
import { InvariantError } from '../../errors.ts';
import type { Manifest } from '../weights.ts';
import { trainableSpans } from './trainable-ranges.ts';

/** Changes `gradients` in place; `weights` are those the gradients belong to. */
export type GradientHook = (gradients: Float32Array, weights: Float32Array) => void;

function checkLength(vector: Float32Array, manifest: Manifest, what: string): void {
  if (vector.length !== manifest.length)
    throw new InvariantError(
      `${what} has ${String(vector.length)} values, the model ${String(manifest.length)}`,
    );
}

/**
 * FedProx (Li et al. 2020, "Federated Optimization in Heterogeneous Networks", eq. 2): the gradient μ·(w − w₀) of the
 * proximal term ½μ‖w − w₀‖².
 * @param mu at least 0
 * @param reference w₀, the global model at the start of the round
 */
export function proximalTerm(mu: number, reference: Float32Array, manifest: Manifest): GradientHook {
  checkLength(reference, manifest, 'the reference of the proximal term');
  const spans = trainableSpans(manifest);
  return (gradients, weights) => {
    for (const { start, end } of spans)
      for (let i = start; i < end; i++)
        gradients[i] = (gradients[i] ?? 0) + mu * ((weights[i] ?? 0) - (reference[i] ?? 0));
  };
}

/**
 * SCAFFOLD (Karimireddy et al. 2020, Algorithm 1, line 10): adds the correction c − cᵢ to the gradient.
 * @param correction the server's control variate minus the site's
 */
export function controlVariate(correction: Float32Array, manifest: Manifest): GradientHook {
  checkLength(correction, manifest, 'the control variate');
  const spans = trainableSpans(manifest);
  return (gradients) => {
    for (const { start, end } of spans)
      for (let i = start; i < end; i++) gradients[i] = (gradients[i] ?? 0) + (correction[i] ?? 0);
  };
}

/** Four sums side by side: a single one would wait for each addition before the next. */
function sumOfSquares(values: Float32Array): number {
  let [a, b, c, d] = [0, 0, 0, 0];
  const whole = values.length - (values.length % 4);
  for (let i = 0; i < whole; i += 4) {
    a += (values[i] ?? 0) ** 2;
    b += (values[i + 1] ?? 0) ** 2;
    c += (values[i + 2] ?? 0) ** 2;
    d += (values[i + 3] ?? 0) ** 2;
  }
  for (let i = whole; i < values.length; i++) a += (values[i] ?? 0) ** 2;
  return a + b + (c + d);
}

/** Bounds the L2 norm of the whole gradient (Pascanu et al. 2013, "On the difficulty of training RNNs", Algorithm 1). */
export function clipGlobalNorm(maximumL2Norm: number, manifest: Manifest): GradientHook {
  const spans = trainableSpans(manifest);
  return (gradients) => {
    const parts = spans.map(({ start, end }) => gradients.subarray(start, end));
    const norm = Math.sqrt(parts.reduce((sum, part) => sum + sumOfSquares(part), 0));
    if (norm <= maximumL2Norm) return;
    const factor = maximumL2Norm / norm;
    for (const part of parts) for (let i = 0; i < part.length; i++) part[i] = (part[i] ?? 0) * factor;
  };
}
