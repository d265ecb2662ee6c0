/**
 * From stored images to what a model takes: geometry, contrast, intensity, and planes instead of interleaved colours.
 * The options are part of a plan, so that every site does exactly the same; statistics over a dataset come from
 * its training part only and are then fixed in the options that are handed back.
 */
import { DataError } from '../errors.ts';
import { DECODERS, mapBounded } from './bounded.ts';
import type { Dataset } from './dataset.ts';
import { adjustIntensity, equalize, toPlanes } from './planes.ts';
import {
  DEFAULT_PREPROCESSING,
  type IntensityOptions,
  type PreprocessingOptions,
} from './preprocessing-schema.ts';
import { resizeImage, type Geometry, type RawImage } from './resize.ts';

export {
  DEFAULT_PREPROCESSING,
  intensitySchema,
  preprocessingSchema,
  type IntensityOptions,
  type PreprocessingOptions,
} from './preprocessing-schema.ts';

/** What training and evaluation take; the order of the examples is the dataset's. */
export interface Preprocessed {
  /** [count, channels, height, width] */
  readonly images: Float32Array;
  /** [count] */
  readonly labels: Int32Array;
  readonly count: number;
  /** [channels, height, width] */
  readonly imageDims: readonly [number, number, number];
  /** The options with every measured statistic filled in: what later images must be prepared with. */
  readonly resolved: PreprocessingOptions;
}

/** Mean and standard deviation a channel over the images at `indices`; `images` [count, channels, size]. */
function channelStatistics(
  images: Float32Array,
  dims: { channels: number; size: number },
  indices: ArrayLike<number>,
): { mean: number[]; stdDev: number[] } {
  const { channels, size } = dims;
  const statistics = Array.from({ length: channels }, (_, channel) => {
    let sum = 0;
    let squares = 0;
    for (const index of Array.from(indices)) {
      const start = (index * channels + channel) * size;
      for (let i = start; i < start + size; i++) {
        const value = images[i] ?? 0;
        sum += value;
        squares += value * value;
      }
    }
    const count = indices.length * size;
    const mean = sum / count;
    return { mean, stdDev: Math.sqrt(Math.max(0, squares / count - mean * mean)) };
  });
  return { mean: statistics.map((s) => s.mean), stdDev: statistics.map((s) => s.stdDev) };
}

function resolveIntensity(
  intensity: IntensityOptions,
  measure: (train: ArrayLike<number>) => { mean: number[]; stdDev: number[] },
  where: { name: string; channels: number; train: ArrayLike<number> | undefined },
): IntensityOptions {
  if (intensity.kind !== 'zscore' || intensity.scope === 'image') return intensity;
  const { mean, stdDev } = intensity;
  if (mean && stdDev) {
    if (mean.length !== where.channels || stdDev.length !== where.channels)
      throw new DataError(
        `${where.name}: intensity.mean and intensity.stdDev need ${String(where.channels)} value(s), one a channel`,
      );
    return intensity;
  }
  if (!where.train || where.train.length === 0)
    throw new DataError(
      `${where.name}: intensity "zscore" over the dataset needs mean and stdDev, or the training part to measure them on`,
    );
  return { ...intensity, ...measure(where.train) };
}

/** The single image `index` of a dataset; a view. */
export function imageAt(dataset: Dataset, index: number): RawImage {
  const { height, width, channels } = dataset;
  const size = height * width * channels;
  return { height, width, channels, pixels: dataset.pixels.subarray(index * size, (index + 1) * size) };
}

/**
 * Prepares every image of a dataset.
 * @param train the training indices; needed for intensity 'zscore' over the dataset without given statistics.
 * @throws DataError when statistics are needed and cannot be had, or do not fit the channels.
 */
export async function preprocess(
  dataset: Dataset,
  options: PreprocessingOptions = DEFAULT_PREPROCESSING,
  train?: ArrayLike<number>,
): Promise<Preprocessed> {
  const { count, channels } = dataset;
  const geometry: Geometry = {
    height: options.size?.height ?? dataset.height,
    width: options.size?.width ?? dataset.width,
    fit: options.fit,
  };
  const size = geometry.height * geometry.width;
  const images = new Float32Array(count * channels * size);
  const planesOf = (i: number): Float32Array =>
    images.subarray(i * channels * size, (i + 1) * channels * size);
  await mapBounded(
    Array.from({ length: count }, (_, i) => i),
    DECODERS,
    async (i) => {
      const stored = imageAt(dataset, i);
      const sameSize = stored.height === geometry.height && stored.width === geometry.width;
      const image = sameSize ? stored : await resizeImage(stored, geometry);
      toPlanes(image, planesOf(i));
      if (options.clahe) equalize(planesOf(i), image, options.clahe);
    },
  );
  const intensity = resolveIntensity(
    options.intensity,
    (indices) => channelStatistics(images, { channels, size }, indices),
    { name: dataset.name, channels, train },
  );
  for (let i = 0; i < count; i++) adjustIntensity(planesOf(i), size, intensity);
  return {
    images,
    labels: dataset.labels,
    count,
    imageDims: [channels, geometry.height, geometry.width],
    resolved: { ...options, intensity },
  };
}

/** A copy of the examples at `indices`, in that order. */
export function selectExamples(all: Preprocessed, indices: ArrayLike<number>): Preprocessed {
  const length = all.imageDims[0] * all.imageDims[1] * all.imageDims[2];
  const rows = Array.from(indices);
  const images = new Float32Array(rows.length * length);
  rows.forEach((row, i) => {
    images.set(all.images.subarray(row * length, (row + 1) * length), i * length);
  });
  return {
    ...all,
    images,
    labels: Int32Array.from(rows, (row) => all.labels[row] ?? -1),
    count: rows.length,
  };
}
