/**
 * Geometry: every image of a dataset gets one size without changing its aspect ratio, since squashed anatomy
 * changes what a classifier learns (a widened heart is a finding). Resampling by libvips (sharp), cubic kernel.
 */
import sharp, { type Sharp } from 'sharp';
import { InvariantError } from '../errors.ts';
import type { Fit } from './preprocessing-schema.ts';

/** One picture in memory. */
export interface RawImage {
  readonly height: number;
  readonly width: number;
  readonly channels: 1 | 3;
  /** [height, width, channels], row-major; 0…255 or 0…65535. */
  readonly pixels: Uint8Array | Uint16Array;
}

export interface Geometry {
  readonly height: number;
  readonly width: number;
  readonly fit: Fit;
}

/** The colour space in which libvips keeps the samples as they are. */
export function colourSpaceOf(channels: 1 | 3, bits: 8 | 16): 'b-w' | 'grey16' | 'srgb' | 'rgb16' {
  if (channels === 1) return bits === 16 ? 'grey16' : 'b-w';
  return bits === 16 ? 'rgb16' : 'srgb';
}

/** Adds the change of size to a pipeline. */
export function withGeometry(pipeline: Sharp, geometry: Geometry): Sharp {
  return pipeline.resize(geometry.width, geometry.height, {
    fit: geometry.fit === 'pad' ? 'contain' : 'cover',
    position: 'centre',
    background: { r: 0, g: 0, b: 0 },
    kernel: 'cubic',
  });
}

/** Runs a pipeline into samples of the wanted kind. */
export async function toRawImage(pipeline: Sharp, channels: 1 | 3, bits: 8 | 16): Promise<RawImage> {
  const { data, info } = await pipeline
    .toColourspace(colourSpaceOf(channels, bits))
    .raw({ depth: bits === 16 ? 'ushort' : 'uchar' })
    .toBuffer({ resolveWithObject: true });
  if (info.channels !== channels)
    throw new InvariantError(
      `the decoder gave ${String(info.channels)} channels instead of ${String(channels)}`,
    );
  const bytes = new Uint8Array(data);
  const pixels = bits === 16 ? new Uint16Array(bytes.buffer) : bytes;
  return { height: info.height, width: info.width, channels, pixels };
}

/** The image at the wanted size; the very same object when it has that size already. */
export async function resizeImage(image: RawImage, geometry: Geometry): Promise<RawImage> {
  const { height, width, channels } = image;
  if (height === geometry.height && width === geometry.width) return image;
  const bits = image.pixels instanceof Uint16Array ? 16 : 8;
  const pipeline = sharp(image.pixels, { raw: { height, width, channels } })
    // Without it 16-bit samples would be taken as 8-bit ones of a larger range.
    .toColourspace(colourSpaceOf(channels, bits));
  return toRawImage(withGeometry(pipeline, geometry), channels, bits);
}
