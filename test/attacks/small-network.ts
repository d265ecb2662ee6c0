/** One step of training of a dense network (inputs → hidden → 2 classes) on one image: what a site would send. */
import { createRng, deriveSeed } from '../../shared/rng.ts';
import type { DenseGradient } from './analytic-inversion.ts';

const CLASSES = 2;

/** A ReLU is silent for some images; tanh answers to all. */
export type Activation = 'relu' | 'tanh';

export interface SmallNetwork {
  readonly activation: Activation;
  readonly inputs: number;
  readonly hidden: number;
  /** [hidden × inputs] */
  readonly w1: Float64Array;
  /** [classes × hidden] */
  readonly w2: Float64Array;
}

/** A tenth of He's initialisation in the first layer, so that tanh stays in its slope; biases are 0. */
export function smallNetwork(
  activation: Activation,
  inputs: number,
  hidden: number,
  seed: number,
): SmallNetwork {
  const rng = createRng(deriveSeed('small-network', seed));
  const normals = (count: number, deviation: number): Float64Array =>
    Float64Array.from({ length: count }, () => rng.normal() * deviation);
  const w1 = normals(hidden * inputs, 0.1 * Math.sqrt(2 / inputs));
  return { activation, inputs, hidden, w1, w2: normals(CLASSES * hidden, Math.sqrt(2 / hidden)) };
}

const dot = (row: Float64Array, vector: ArrayLike<number>): number =>
  row.reduce((sum, value, i) => sum + value * (vector[i] ?? 0), 0);

/** The delta of the first layer after one step of gradient descent on the cross-entropy of one example: weights, then biases. */
export function oneStep(
  network: SmallNetwork,
  image: ArrayLike<number>,
  label: number,
  learningRate: number,
): Float32Array {
  const { activation, inputs, hidden, w1, w2 } = network;
  const sums = Array.from({ length: hidden }, (_, j) =>
    dot(w1.subarray(j * inputs, (j + 1) * inputs), image),
  );
  const units = sums.map((sum) => (activation === 'relu' ? Math.max(0, sum) : Math.tanh(sum)));
  const exponentials = [0, 1].map((c) => Math.exp(dot(w2.subarray(c * hidden, (c + 1) * hidden), units)));
  const total = exponentials.reduce((a, b) => a + b, 0);
  const errors = exponentials.map((value, c) => value / total - (c === label ? 1 : 0));
  const delta = new Float32Array(hidden * inputs + hidden);
  units.forEach((unit, j) => {
    const slope = activation === 'relu' ? Number(unit > 0) : 1 - unit * unit;
    const gradient = slope * errors.reduce((sum, error, c) => sum + error * (w2[c * hidden + j] ?? 0), 0);
    for (let i = 0; i < inputs; i++) delta[j * inputs + i] = -learningRate * gradient * (image[i] ?? 0);
    delta[hidden * inputs + j] = -learningRate * gradient;
  });
  return delta;
}

/** The first layer's part of a delta, as the attack reads it. */
export function firstLayerOf(
  delta: Float32Array | Float64Array,
  { inputs, hidden }: Pick<SmallNetwork, 'inputs' | 'hidden'>,
): DenseGradient {
  return {
    weights: delta.subarray(0, hidden * inputs),
    biases: delta.subarray(hidden * inputs, hidden * inputs + hidden),
  };
}
