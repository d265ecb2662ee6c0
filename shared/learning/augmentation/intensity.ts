/** Changes of intensity, in place on one image [channels, height, width]. */
import { createRng, deriveSeed } from '../../rng.ts';

export interface IntensityStatistics {
  readonly minimum: number;
  readonly maximum: number;
  readonly mean: number;
}

export function intensityStatistics(image: Float32Array): IntensityStatistics {
  let minimum = Infinity;
  let maximum = -Infinity;
  let sum = 0;
  // By index: iterating costs twice as much.
  for (let i = 0; i < image.length; i++) {
    const value = image[i] ?? 0;
    if (value < minimum) minimum = value;
    if (value > maximum) maximum = value;
    sum += value;
  }
  return { minimum, maximum, mean: sum / image.length };
}

/** x ← mean + contrast·(x − mean) + offset. */
export function adjustContrast(image: Float32Array, mean: number, contrast: number, offset: number): void {
  const constant = mean - contrast * mean + offset;
  for (let i = 0; i < image.length; i++) image[i] = contrast * (image[i] ?? 0) + constant;
}

/**
 * Relative intensity to the power of `exponent`; minimum and maximum stay. A constant image stays as it is.
 * A power costs some 30 ns, so it is tabulated in 64 steps, joined by straight lines.
 */
export function adjustGamma(image: Float32Array, statistics: IntensityStatistics, exponent: number): void {
  const { minimum, maximum } = statistics;
  const range = maximum - minimum;
  if (!(range > 0)) return;
  const steps = 64;
  const table = new Float32Array(steps + 2);
  for (let i = 0; i < table.length; i++) table[i] = minimum + range * (i / steps) ** exponent;
  const scale = steps / range;
  for (let i = 0; i < image.length; i++) {
    const position = ((image[i] ?? 0) - minimum) * scale;
    const index = position | 0;
    const below = table[index] ?? 0;
    image[i] = below + (position - index) * ((table[index + 1] ?? 0) - below);
  }
}

/** Power of two, so that an index wraps by a mask. */
const NOISE_TABLE_LENGTH = 16_384;
let noiseTable: Float32Array | undefined;

/** The same standard normal numbers in every run: what is random is where a row begins to read. */
function standardNormals(): Float32Array {
  if (!noiseTable) {
    const rng = createRng(deriveSeed('augmentation-noise-table'));
    noiseTable = Float32Array.from({ length: NOISE_TABLE_LENGTH }, () => rng.normal());
  }
  return noiseTable;
}

/**
 * Adds Gaussian noise; a number from the table costs a tenth of a fresh one.
 * @param seed 32 bits that name the noise
 */
export function addNoise(image: Float32Array, width: number, stdDev: number, seed: number): void {
  const table = standardNormals();
  const rng = createRng(deriveSeed('augmentation-noise', seed));
  for (let row = 0; row < image.length; row += width) {
    const start = rng.integer(NOISE_TABLE_LENGTH);
    for (let x = 0; x < width; x++) {
      const normal = table[(start + x) & (NOISE_TABLE_LENGTH - 1)] ?? 0;
      image[row + x] = (image[row + x] ?? 0) + stdDev * normal;
    }
  }
}
