/**
 * Seeded augmentation of a batch. Each image takes the same numbers from the stream whatever is switched on: changing
 * one setting leaves the draws of the others as they were.
 */
import type { Rng } from '../../rng.ts';
import { inverseAffine, isIdentity, sampleAffine, type Geometry, type PlaneSize } from './affine.ts';
import { blur } from './blur.ts';
import { cutOut, type Square } from './cutout.ts';
import { addNoise, adjustContrast, adjustGamma, intensityStatistics } from './intensity.ts';
import type { Augmentation } from './schema.ts';

export interface ImageDraw {
  readonly geometry: Geometry;
  readonly gammaExponent: number;
  readonly contrast: number;
  /** Fraction of the image's range. */
  readonly brightness: number;
  /** Undefined: no noise in this image. The standard deviation is a fraction of the image's range. */
  readonly noise: { readonly stdDev: number; readonly seed: number } | undefined;
  readonly blurStdDevPixels: number | undefined;
  readonly cutout: Square | undefined;
}

/** Uniform in ± limit. */
const symmetric = (rng: Rng, limit: number): number => limit * (2 * rng.uniform() - 1);

/** Takes two numbers from the stream; undefined where the image is spared. */
function corruption(rng: Rng, probability: number, limit: number): number | undefined {
  const happens = rng.uniform() < probability;
  const strength = limit * rng.uniform();
  return happens && strength > 0 ? strength : undefined;
}

/** The parameters of one image, from eighteen numbers of the stream whatever is switched on. */
export function drawImage(settings: Augmentation, size: PlaneSize, rng: Rng): ImageDraw {
  const { corruptionProbability } = settings;
  const geometry = {
    rotationRadians: (symmetric(rng, settings.rotationDegrees) * Math.PI) / 180,
    shiftX: symmetric(rng, settings.shiftFraction * size.width),
    shiftY: symmetric(rng, settings.shiftFraction * size.height),
    zoom: 1 + symmetric(rng, settings.zoomFraction),
    flipLeftRight: rng.uniform() < 0.5 && settings.flipLeftRight,
    flipUpDown: rng.uniform() < 0.5 && settings.flipUpDown,
  };
  const gammaExponent = Math.exp(symmetric(rng, Math.log1p(settings.gamma)));
  const contrast = 1 + symmetric(rng, settings.contrast);
  const brightness = symmetric(rng, settings.brightness);
  const noiseStdDev = corruption(rng, corruptionProbability, settings.noiseStdDev);
  const noiseSeed = rng.uint32();
  const blurStdDevPixels = corruption(rng, corruptionProbability, settings.blurStdDevPixels);
  const cutoutFraction = corruption(rng, corruptionProbability, settings.cutoutFraction);
  const square = squareAt(rng.uniform(), rng.uniform(), cutoutFraction ?? 0, size);
  const cutout = cutoutFraction === undefined ? undefined : square;
  const noise = noiseStdDev === undefined ? undefined : { stdDev: noiseStdDev, seed: noiseSeed };
  return { geometry, gammaExponent, contrast, brightness, noise, blurStdDevPixels, cutout };
}

/** A square whose centre is at (u, v) of the image; it may stick out. */
function squareAt(u: number, v: number, fraction: number, { height, width }: PlaneSize): Square {
  const side = Math.max(1, Math.round(fraction * Math.min(height, width)));
  const half = side >> 1;
  return { left: Math.floor(u * width) - half, top: Math.floor(v * height) - half, side };
}

/** Writes one augmented image; `source` stays as it is. */
export function augmentImage(
  source: Float32Array,
  target: Float32Array,
  size: PlaneSize,
  draw: ImageDraw,
): void {
  const { contrast, brightness, noise } = draw;
  if (isIdentity(draw.geometry)) target.set(source);
  else sampleAffine(source, target, size, inverseAffine(draw.geometry, size));
  if (draw.gammaExponent !== 1) adjustGamma(target, intensityStatistics(target), draw.gammaExponent);
  if (contrast !== 1 || brightness !== 0 || noise) {
    const { minimum, maximum, mean } = intensityStatistics(target);
    const range = maximum - minimum;
    if (contrast !== 1 || brightness !== 0) adjustContrast(target, mean, contrast, brightness * range);
    if (noise) addNoise(target, size.width, noise.stdDev * range, noise.seed);
  }
  if (draw.blurStdDevPixels !== undefined) blur(target, size, draw.blurStdDevPixels);
  if (draw.cutout) cutOut(target, size, draw.cutout);
}

export interface Augmenter {
  /** Writes the augmented images `indices` of `source` [n, C, H, W] one after the other into `out`. */
  write(source: Float32Array, indices: Int32Array, out: Float32Array, rng: Rng): void;
}

/** @param imageDims [channels, height, width] */
export function createAugmenter(
  settings: Augmentation,
  imageDims: readonly [number, number, number],
): Augmenter {
  const [channels, height, width] = imageDims;
  const size = { height, width };
  const length = channels * height * width;
  const off = Object.entries(settings).every(
    ([name, strength]) => name === 'corruptionProbability' || strength === 0 || strength === false,
  );
  return {
    write(source, indices, out, rng) {
      indices.forEach((index, i) => {
        const image = source.subarray(index * length, (index + 1) * length);
        const target = out.subarray(i * length, (i + 1) * length);
        if (off) {
          target.set(image);
          return;
        }
        augmentImage(image, target, size, drawImage(settings, size, rng));
      });
    },
  };
}
