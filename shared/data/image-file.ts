/**
 * Image files: PNG, JPEG, TIFF and WebP through sharp (libvips), plain BMP. Untrusted input: only these formats are
 * given to a decoder, the header's dimensions are checked before any pixel is decoded, and bytes and time are bounded.
 */
import { open, readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import sharp, { type Sharp } from 'sharp';
import { DataError, messageOf } from '../errors.ts';
import { decodeBmp, readBmpHeader } from './bmp.ts';
import { toRawImage, withGeometry, type Geometry, type RawImage } from './resize.ts';

export interface ImageLimits {
  readonly fileBytes: number;
  /** Width × height. */
  readonly pixels: number;
  readonly decodeSeconds: number;
}

/** A digital mammogram has 14 MP, a whole-body radiograph about 30; beyond it is a slide scan or a bomb. */
export const DEFAULT_IMAGE_LIMITS: ImageLimits = {
  fileBytes: 256 * 2 ** 20,
  pixels: 50_000_000,
  decodeSeconds: 30,
};

export type ImageFormat = 'png' | 'jpeg' | 'tiff' | 'webp' | 'bmp';

export interface ImageHeader {
  readonly format: ImageFormat;
  /** As shown, that is after the EXIF orientation. */
  readonly width: number;
  readonly height: number;
  readonly grey: boolean;
  readonly bits: 8 | 16;
}

/** File names that are taken for images when a folder is scanned. */
export const IMAGE_EXTENSIONS: readonly string[] = [
  '.png',
  '.jpg',
  '.jpeg',
  '.tif',
  '.tiff',
  '.webp',
  '.bmp',
];

const startsWith = (bytes: Uint8Array, text: string, offset = 0): boolean =>
  Buffer.from(bytes.subarray(offset, offset + text.length)).toString('latin1') === text;

function formatOf(bytes: Uint8Array): ImageFormat | undefined {
  if (startsWith(bytes, '\x89PNG\r\n\x1a\n')) return 'png';
  if (startsWith(bytes, '\xff\xd8\xff')) return 'jpeg';
  if (startsWith(bytes, 'II*\0') || startsWith(bytes, 'MM\0*')) return 'tiff';
  if (startsWith(bytes, 'RIFF') && startsWith(bytes, 'WEBP', 8)) return 'webp';
  if (startsWith(bytes, 'BM')) return 'bmp';
  return undefined;
}

function checkSize(width: number, height: number, limits: ImageLimits): void {
  if (width * height > limits.pixels)
    throw new DataError(
      `its header says ${String(width)}×${String(height)} pixels; at most ${String(limits.pixels)} are decoded`,
    );
}

async function readBytes(path: string, limits: ImageLimits): Promise<Uint8Array> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    if (size === 0) throw new DataError('the file is empty');
    if (size > limits.fileBytes)
      throw new DataError(`it has ${String(size)} bytes; at most ${String(limits.fileBytes)} are read`);
    return await readFile(file);
  } finally {
    await file.close();
  }
}

function openDecoder(bytes: Uint8Array, limits: ImageLimits): Sharp {
  return sharp(bytes, { limitInputPixels: limits.pixels, failOn: 'error' }).timeout({
    seconds: limits.decodeSeconds,
  });
}

async function headerOf(bytes: Uint8Array, limits: ImageLimits): Promise<ImageHeader> {
  const format = formatOf(bytes);
  if (!format) throw new DataError('not a PNG, JPEG, TIFF, WebP or BMP image');
  if (format === 'bmp') {
    const { width, height } = readBmpHeader(bytes);
    checkSize(width, height, limits);
    return { format, width, height, grey: false, bits: 8 };
  }
  const metadata = await sharp(bytes, { limitInputPixels: false }).metadata();
  checkSize(metadata.width, metadata.height, limits);
  if (metadata.depth !== 'uchar' && metadata.depth !== 'ushort')
    throw new DataError(
      `samples of type "${metadata.depth}" are not supported; store 8 or 16 bits without sign`,
    );
  return {
    format,
    ...metadata.autoOrient,
    grey: metadata.space === 'b-w' || metadata.space === 'grey16',
    bits: metadata.depth === 'uchar' ? 8 : 16,
  };
}

export interface DecodeOptions {
  /** 1: grey, 3: RGB; absent: as the file has it. */
  readonly channels?: 1 | 3;
  /** Absent: as the file has it. */
  readonly bits?: 8 | 16;
  readonly geometry?: Geometry;
}

async function decode(bytes: Uint8Array, options: DecodeOptions, limits: ImageLimits): Promise<RawImage> {
  const header = await headerOf(bytes, limits);
  const channels = options.channels ?? (header.grey ? 1 : 3);
  const bits = options.bits ?? header.bits;
  let pipeline: Sharp;
  if (header.format === 'bmp') {
    const { pixels, width, height } = decodeBmp(bytes);
    pipeline = sharp(pixels, { raw: { width, height, channels: 3 } });
  } else {
    pipeline = openDecoder(bytes, limits).autoOrient().flatten({ background: '#000' });
  }
  if (options.geometry) pipeline = withGeometry(pipeline, options.geometry);
  return toRawImage(pipeline, channels, bits);
}

/** Libraries' messages may hold the path or several lines; the first line is enough. */
function failure(path: string, error: unknown): DataError {
  const reason = messageOf(error).split('\n')[0]?.replaceAll(path, basename(path)) ?? '';
  const text = error instanceof DataError ? reason : `cannot be decoded (${reason})`;
  return new DataError(`${basename(path)}: ${text}`, { cause: error });
}

/** The header without decoding pixels. @throws DataError naming the file and the reason. */
export async function readImageHeader(path: string, limits = DEFAULT_IMAGE_LIMITS): Promise<ImageHeader> {
  try {
    return await headerOf(await readBytes(path, limits), limits);
  } catch (error) {
    throw failure(path, error);
  }
}

/**
 * Decodes an image file: EXIF orientation applied, transparency on black, first page or frame of several.
 * @throws DataError naming the file and the reason: no image, truncated, corrupt, too large.
 */
export async function readImageFile(
  path: string,
  options: DecodeOptions = {},
  limits = DEFAULT_IMAGE_LIMITS,
): Promise<RawImage> {
  try {
    return await decode(await readBytes(path, limits), options, limits);
  } catch (error) {
    throw failure(path, error);
  }
}

/**
 * Decodes an image that is in memory, as `readImageFile` does one on disk.
 * @param name for messages
 * @throws DataError naming the image and the reason
 */
export async function decodeImage(
  bytes: Uint8Array,
  name: string,
  options: DecodeOptions = {},
  limits = DEFAULT_IMAGE_LIMITS,
): Promise<RawImage> {
  try {
    if (bytes.length === 0) throw new DataError('the file is empty');
    return await decode(bytes, options, limits);
  } catch (error) {
    throw failure(name, error);
  }
}
