/**
 * Integrated gradients (Sundararajan, Taly, Yan 2017, eq. 1): (x − x′) times the mean gradient on the straight way from a
 * baseline x′ to the image x, by the midpoint rule. The attributions add up to F(x) − F(x′) (their §3, completeness).
 */
import type { Heatmap } from './heatmap.ts';

/** Points on the way; the paper finds 20 to 300 enough. */
export const INTEGRATION_STEPS = 64;

export interface IntegrationInput {
  /** [C, H, W] */
  readonly image: Float32Array;
  /** [C, H, W]: an image that says nothing, such as a black one. */
  readonly baseline: Float32Array;
  /** [channels, height, width] */
  readonly imageDims: readonly [number, number, number];
  readonly steps: number;
  /** How many points `gradients` takes at a time. */
  readonly batch: number;
  /** Gradient of the class score at each of `batch` images [batch, C, H, W]; the same shape. */
  gradients(images: Float32Array): Promise<Float32Array>;
}

/** Signed attribution of every pixel, its channels added up. */
export async function integratedGradients(input: IntegrationInput): Promise<Heatmap> {
  const { image, baseline, imageDims, steps, batch } = input;
  const length = image.length;
  const total = new Float64Array(length);
  const points = new Float32Array(batch * length);
  for (let first = 0; first < steps; first += batch) {
    const count = Math.min(batch, steps - first);
    points.fill(0);
    for (let k = 0; k < count; k++) {
      const share = (first + k + 0.5) / steps;
      for (let i = 0; i < length; i++)
        points[k * length + i] = (baseline[i] ?? 0) + share * ((image[i] ?? 0) - (baseline[i] ?? 0));
    }
    const gradients = await input.gradients(points);
    for (let i = 0; i < count * length; i++)
      total[i % length] = (total[i % length] ?? 0) + (gradients[i] ?? 0);
  }
  const [, height, width] = imageDims;
  const size = height * width;
  const values = new Float32Array(size);
  for (let i = 0; i < length; i++)
    values[i % size] =
      (values[i % size] ?? 0) + (((image[i] ?? 0) - (baseline[i] ?? 0)) * (total[i] ?? 0)) / steps;
  return { height, width, values };
}
