/** Weighted cross-entropies, from their definitions; labels are smoothed as in Szegedy et al. 2016, §7. */
import { softmax } from './layout.ts';
import { at, get, type Tensor64 } from './tensor64.ts';

export interface LossInputs {
  /** [N, K] */
  readonly logits: Tensor64;
  /** [N, K] */
  readonly targets: Tensor64;
  /** [N] */
  readonly sampleWeights: Tensor64;
  /** In [0, 1). */
  readonly labelSmoothing: number;
}

/** Σₙ weightₙ·loss(n, k) summed over k. */
function weightedSum(inputs: LossInputs, loss: (n: number, k: number) => number): number {
  const [examples, classes] = [at(inputs.logits.dims, 0), at(inputs.logits.dims, 1)];
  let total = 0;
  for (let n = 0; n < examples; n++)
    for (let k = 0; k < classes; k++) total += get(inputs.sampleWeights, n) * loss(n, k);
  return total;
}

/** −Σₖ t′ₖ·log pₖ with t′ = (1−s)·t + s/K. */
export function softmaxCrossEntropy(inputs: LossInputs): number {
  const { logits, targets, labelSmoothing: s } = inputs;
  const p = softmax(logits);
  return weightedSum(
    inputs,
    (n, k) => -((1 - s) * get(targets, n, k) + s / at(logits.dims, 1)) * Math.log(get(p, n, k)),
  );
}

/** −Σₖ t′ₖ·log σ(zₖ) + (1−t′ₖ)·log(1−σ(zₖ)) with t′ = (1−s)·t + s/2. */
export function sigmoidCrossEntropy(inputs: LossInputs): number {
  const { logits, targets, labelSmoothing: s } = inputs;
  return weightedSum(inputs, (n, k) => {
    const t = (1 - s) * get(targets, n, k) + s / 2;
    const p = 1 / (1 + Math.exp(-get(logits, n, k)));
    return -t * Math.log(p) - (1 - t) * Math.log(1 - p);
  });
}
