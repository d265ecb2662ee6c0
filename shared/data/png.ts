/** PNG files from samples in memory. */
import sharp from 'sharp';
import { colourSpaceOf, type RawImage } from './resize.ts';

/** Without metadata: neither time nor program, so that equal images are equal files. */
export async function encodePng({ pixels, height, width, channels }: RawImage): Promise<Uint8Array> {
  const bits = pixels instanceof Uint16Array ? 16 : 8;
  const bytes = await sharp(pixels, { raw: { height, width, channels } })
    .toColourspace(colourSpaceOf(channels, bits))
    .png({ compressionLevel: 9 })
    .toBuffer();
  return new Uint8Array(bytes);
}
