/**
 * Reads an image out of the gradient of a dense layer (Phong et al. 2018, "Privacy-Preserving Deep Learning via Additively
 * Homomorphic Encryption", IEEE TIFS 13(5), §3): for y = Wx + b and one example, ∂L/∂W = (∂L/∂y)·xᵀ and ∂L/∂b = ∂L/∂y, so
 * that any row of the first over its entry of the second is the image, exactly.
 */

export interface DenseGradient {
  /** [units × inputs], row by row; any multiple of the gradient, such as the delta of one step. */
  readonly weights: Float32Array | Float64Array;
  /** [units] */
  readonly biases: Float32Array | Float64Array;
}

/** What each unit saw, in 0…1: for the gradient of one example its image, every time. Units that saw nothing are left out. */
export function invertDenseLayer({ weights, biases }: DenseGradient): Float64Array[] {
  const inputs = weights.length / biases.length;
  return Array.from(biases).flatMap((bias, unit) => {
    if (bias === 0) return [];
    const row = Float64Array.from(weights.subarray(unit * inputs, (unit + 1) * inputs));
    return [row.map((value) => Math.min(1, Math.max(0, value / bias)))];
  });
}

/** Peak signal-to-noise ratio in dB of images in 0…1. */
export function psnr(image: ArrayLike<number>, guess: ArrayLike<number>): number {
  let squares = 0;
  for (let i = 0; i < image.length; i++) squares += ((image[i] ?? 0) - (guess[i] ?? 0)) ** 2;
  return -10 * Math.log10(squares / image.length);
}
