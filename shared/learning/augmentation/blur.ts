/** Gaussian blur in place, rows first and then columns; edge pixels are repeated outwards. */
import type { PlaneSize } from './affine.ts';

/** Weights at −radius…radius, summing to 1; less than 0.3 % of a Gaussian lies beyond three standard deviations. */
export function gaussianKernel(stdDevPixels: number): Float64Array {
  const radius = Math.max(1, Math.ceil(3 * stdDevPixels));
  const raw = Float64Array.from({ length: 2 * radius + 1 }, (_, i) =>
    Math.exp(-0.5 * ((i - radius) / stdDevPixels) ** 2),
  );
  const sum = raw.reduce((a, b) => a + b, 0);
  return raw.map((value) => value / sum);
}

/** One pass over lines of `count` values that are `stride` apart, the first of each at one of `starts`. */
function blurLine(
  image: Float32Array,
  start: number,
  count: number,
  stride: number,
  kernel: Float64Array,
  padded: Float64Array,
): void {
  const radius = (kernel.length - 1) / 2;
  for (let i = 0; i < count + 2 * radius; i++) {
    const position = Math.min(count - 1, Math.max(0, i - radius));
    padded[i] = image[start + position * stride] ?? 0;
  }
  for (let i = 0; i < count; i++) {
    let sum = 0;
    for (let k = 0; k < kernel.length; k++) sum += (kernel[k] ?? 0) * (padded[i + k] ?? 0);
    image[start + i * stride] = sum;
  }
}

/** @param image [channels, height, width] */
export function blur(image: Float32Array, size: PlaneSize, stdDevPixels: number): void {
  if (!(stdDevPixels > 0)) return;
  const { height, width } = size;
  const kernel = gaussianKernel(stdDevPixels);
  const padded = new Float64Array(Math.max(height, width) + kernel.length - 1);
  for (let plane = 0; plane < image.length; plane += height * width) {
    for (let y = 0; y < height; y++) blurLine(image, plane + y * width, width, 1, kernel, padded);
    for (let x = 0; x < width; x++) blurLine(image, plane + x, height, width, kernel, padded);
  }
}
