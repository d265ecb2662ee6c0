/**
 * One image from samples to what a model takes: planes, contrast, intensity. Pure and without any library, so that it runs
 * in a browser as well.
 */
import { equalizeAdaptively } from './clahe.ts';
import type { IntensityOptions } from './preprocessing-schema.ts';
import type { RawImage } from './resize.ts';

/** Standard deviations below are noise of constant images; dividing by them would blow it up. */
const LEAST_STD_DEV = 1e-4;

/** One image as planes [channels, height, width] on the 0…1 scale. */
export function toPlanes(image: RawImage, out: Float32Array): void {
  const { channels, pixels } = image;
  const scale = 1 / (pixels instanceof Uint16Array ? 65_535 : 255);
  const size = image.height * image.width;
  for (let channel = 0; channel < channels; channel++)
    for (let i = 0; i < size; i++) out[channel * size + i] = (pixels[i * channels + channel] ?? 0) * scale;
}

/** Equalises the brightness of a colour image and leaves its hues: all channels are scaled alike. */
export function equalize(
  planes: Float32Array,
  image: RawImage,
  options: { tiles: number; clipLimit: number },
): void {
  const { height, width, channels } = image;
  const size = height * width;
  if (channels === 1) {
    equalizeAdaptively({ values: planes, height, width }, options);
    return;
  }
  // ITU-R BT.601 luma.
  const luma = Float32Array.from(
    { length: size },
    (_, i) =>
      0.299 * (planes[i] ?? 0) + 0.587 * (planes[size + i] ?? 0) + 0.114 * (planes[2 * size + i] ?? 0),
  );
  const before = luma.slice();
  equalizeAdaptively({ values: luma, height, width }, options);
  for (let i = 0; i < planes.length; i++) {
    const old = before[i % size] ?? 0;
    planes[i] =
      old === 0 ? (luma[i % size] ?? 0) : Math.min(1, ((planes[i] ?? 0) * (luma[i % size] ?? 0)) / old);
  }
}

function meanAndStdDev(values: Float32Array): { mean: number; stdDev: number } {
  let sum = 0;
  for (const value of values) sum += value;
  const mean = sum / values.length;
  let squares = 0;
  for (const value of values) squares += (value - mean) ** 2;
  return { mean, stdDev: Math.sqrt(squares / values.length) };
}

function normalize(values: Float32Array, mean: number, stdDev: number): void {
  const scale = 1 / Math.max(stdDev, LEAST_STD_DEV);
  for (let i = 0; i < values.length; i++) values[i] = ((values[i] ?? 0) - mean) * scale;
}

/** Linear interpolation between order statistics (Hyndman and Fan 1996, type 7). `sorted` ascending, percent 0…100. */
function percentile(sorted: Float32Array, percent: number): number {
  const position = ((sorted.length - 1) * percent) / 100;
  const low = Math.floor(position);
  const below = sorted[low] ?? 0;
  return below + (position - low) * ((sorted[Math.min(low + 1, sorted.length - 1)] ?? 0) - below);
}

function clipToPercentiles(values: Float32Array, low: number, high: number): void {
  const sorted = values.toSorted();
  const black = percentile(sorted, low);
  const range = Math.max(percentile(sorted, high) - black, LEAST_STD_DEV);
  for (let i = 0; i < values.length; i++)
    values[i] = Math.min(1, Math.max(0, ((values[i] ?? 0) - black) / range));
}

/** Intensity of one image in place; `planes` [channels, size] on the 0…1 scale. */
export function adjustIntensity(planes: Float32Array, size: number, intensity: IntensityOptions): void {
  switch (intensity.kind) {
    case 'unit':
      return;
    case 'percentile':
      clipToPercentiles(planes, intensity.low, intensity.high);
      return;
    case 'zscore': {
      if (intensity.scope === 'image') {
        const own = meanAndStdDev(planes);
        normalize(planes, own.mean, own.stdDev);
        return;
      }
      for (let channel = 0; channel * size < planes.length; channel++) {
        const plane = planes.subarray(channel * size, (channel + 1) * size);
        normalize(plane, intensity.mean?.[channel] ?? 0, intensity.stdDev?.[channel] ?? 1);
      }
      return;
    }
  }
}
