/** From a file that someone chose to samples, with the browser's own decoders. */
import type { RawImage } from '../../../shared/data/resize.ts';

/** A browser's canvas holds no more in every case; beyond it nothing is decoded. */
const LARGEST_PIXELS = 50_000_000;

/** Shown to the person as it is. */
export class UnusableImage extends Error {}

const PNG_SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
/** Byte of the bit depth in a PNG file (ISO/IEC 15948, §11.2.2: after signature, length, type, width, height). */
const PNG_BIT_DEPTH_AT = 24;

/**
 * RGB samples; transparency on black, turned as the file says.
 * @throws UnusableImage when the browser cannot decode the file, or only by losing half of its 16 bits
 */
export async function decodeFile(file: Blob): Promise<RawImage> {
  const head = new Uint8Array(await file.slice(0, PNG_BIT_DEPTH_AT + 1).arrayBuffer());
  if (PNG_SIGNATURE.every((byte, i) => head[i] === byte) && head[PNG_BIT_DEPTH_AT] === 16)
    throw new UnusableImage(
      'This image has 16 bits a sample, of which a browser keeps 8. Use the command line: consilium predict.',
    );
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    throw new UnusableImage('This file is no image that the browser can read (PNG, JPEG, WebP, BMP).');
  }
  const { width, height } = bitmap;
  if (width * height > LARGEST_PIXELS)
    throw new UnusableImage(`The image has ${String(width)}×${String(height)} pixels, which is too many.`);
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d', { alpha: false, willReadFrequently: true });
  if (context === null) throw new UnusableImage('The browser has no memory for this image.');
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const { data } = context.getImageData(0, 0, width, height);
  const pixels = new Uint8Array(width * height * 3);
  for (let i = 0; i < width * height; i++)
    for (let c = 0; c < 3; c++) pixels[3 * i + c] = data[4 * i + c] ?? 0;
  return { width, height, channels: 3, pixels };
}
