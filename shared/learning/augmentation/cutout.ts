/** Cut-out (DeVries, Taylor 2017, "Improved Regularization of Convolutional Neural Networks with Cutout", §3.2). */
import type { PlaneSize } from './affine.ts';

export interface Square {
  /** Pixels; the part outside the image has no effect. */
  readonly left: number;
  readonly top: number;
  readonly side: number;
}

/** Replaces the square by the mean of each channel, in place on [channels, height, width]. */
export function cutOut(image: Float32Array, size: PlaneSize, square: Square): void {
  const { height, width } = size;
  const planeLength = height * width;
  const left = Math.max(0, square.left);
  const right = Math.min(width, square.left + square.side);
  const bottom = Math.min(height, square.top + square.side);
  for (let offset = 0; offset < image.length; offset += planeLength) {
    const plane = image.subarray(offset, offset + planeLength);
    const mean = plane.reduce((a, b) => a + b, 0) / planeLength;
    for (let y = Math.max(0, square.top); y < bottom; y++) {
      if (left < right) plane.fill(mean, y * width + left, y * width + right);
    }
  }
}
