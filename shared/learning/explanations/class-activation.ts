/**
 * Class activation maps from a feature map A and the gradient of the class score y with respect to it.
 *
 * - Grad-CAM (Selvaraju et al. 2017, eq. 1 and 2): channel k weighs the mean of its gradient over positions; the map is
 *   the positive part of Σₖ αₖ·Aᵏ.
 * - Grad-CAM++ (Chattopadhay et al. 2018, eq. 10 and 19, the class score being exp(y)): positions are weighted by
 *   g² / (2g² + g³·ΣA) where the gradient g is positive. Several small findings then count like one large.
 */
import type { Heatmap } from './heatmap.ts';

export interface ActivationInput {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  /** [channels, height, width] */
  readonly features: Float32Array;
  /** [channels, height, width] */
  readonly gradients: Float32Array;
}

export function gradCam(input: ActivationInput): Heatmap {
  return weightedSum(input, (_features, gradients) => sum(gradients) / gradients.length);
}

export function gradCamPlusPlus(input: ActivationInput): Heatmap {
  return weightedSum(input, (features, gradients) => {
    const total = sum(features);
    return gradients.reduce((weight, g) => {
      if (g <= 0) return weight;
      const divisor = 2 * g * g + g ** 3 * total;
      return weight + (divisor === 0 ? 0 : (g * g * g) / divisor);
    }, 0);
  });
}

const sum = (values: Float32Array): number => values.reduce((total, value) => total + value, 0);

/** The positive part of Σ weight(channel)·features(channel). */
function weightedSum(
  { channels, height, width, features, gradients }: ActivationInput,
  weightOf: (features: Float32Array, gradients: Float32Array) => number,
): Heatmap {
  const size = height * width;
  const values = new Float32Array(size);
  for (let channel = 0; channel < channels; channel++) {
    const plane = features.subarray(channel * size, (channel + 1) * size);
    const weight = weightOf(plane, gradients.subarray(channel * size, (channel + 1) * size));
    for (let i = 0; i < size; i++) values[i] = (values[i] ?? 0) + weight * (plane[i] ?? 0);
  }
  return { height, width, values: values.map((value) => Math.max(0, value)) };
}
