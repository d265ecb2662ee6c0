/**
 * One image of any size as the input of a trained model: the command line, the local service and the exported web page
 * all come through here, so that they answer alike.
 */
import { adjustIntensity, equalize, toPlanes } from './planes.ts';
import type { PreprocessingOptions } from './preprocessing-schema.ts';
import { resample } from './resample.ts';
import type { RawImage } from './resize.ts';

export interface ImageTarget {
  /** Of the model: [channels, height, width]. */
  readonly imageDims: readonly [number, number, number];
  /** With every statistic filled in, as training left them. */
  readonly preprocessing: PreprocessingOptions;
}

/** @returns [C, H, W] */
export function prepareImage(image: RawImage, { imageDims, preprocessing }: ImageTarget): Float32Array {
  const [channels, height, width] = imageDims;
  const resized = withChannels(
    resample(image, { height, width, fit: preprocessing.fit }),
    channels === 3 ? 3 : 1,
  );
  const planes = new Float32Array(channels * height * width);
  toPlanes(resized, planes);
  if (preprocessing.clahe) equalize(planes, resized, preprocessing.clahe);
  adjustIntensity(planes, height * width, preprocessing.intensity);
  return planes;
}

/** Colour as its luminance, or grey three times over. */
export function withChannels(image: RawImage, channels: 1 | 3): RawImage {
  if (image.channels === channels) return image;
  const count = image.height * image.width;
  const bits16 = image.pixels instanceof Uint16Array;
  const pixels = bits16 ? new Uint16Array(count * channels) : new Uint8Array(count * channels);
  const largest = bits16 ? 65_535 : 255;
  for (let i = 0; i < count; i++) {
    if (channels === 3) pixels.fill(image.pixels[i] ?? 0, 3 * i, 3 * i + 3);
    else pixels[i] = Math.round(largest * luminance(image.pixels, 3 * i, largest));
  }
  return { ...image, channels, pixels };
}

/** Relative luminance of a pixel (ITU-R BT.709-6, §3; in linear light, as libvips does), as an sRGB value 0…1. */
function luminance(pixels: RawImage['pixels'], at: number, largest: number): number {
  const [red, green, blue] = [pixels[at] ?? 0, pixels[at + 1] ?? 0, pixels[at + 2] ?? 0];
  if (red === green && green === blue) return red / largest;
  return encode(
    0.2126 * decode(red / largest) + 0.7152 * decode(green / largest) + 0.0722 * decode(blue / largest),
  );
}

/** IEC 61966-2-1 (sRGB), §4.2. */
const decode = (value: number): number =>
  value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
const encode = (value: number): number =>
  value <= 0.0031308 ? 12.92 * value : 1.055 * value ** (1 / 2.4) - 0.055;
