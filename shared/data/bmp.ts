/**
 * Uncompressed Windows bitmaps (BITMAPINFOHEADER, BI_RGB, 8, 24 or 32 bits), which the image library does not read
 * and older ultrasound machines and frame grabbers still write.
 * Format: Microsoft, "Bitmap Storage" and BITMAPINFOHEADER.
 */
import { DataError } from '../errors.ts';
import type { RawImage } from './resize.ts';

interface BmpHeader {
  readonly width: number;
  readonly height: number;
  readonly topDown: boolean;
  readonly bitsPerPixel: 8 | 24 | 32;
  readonly paletteOffset: number;
  readonly paletteLength: number;
  readonly dataOffset: number;
  readonly rowBytes: number;
}

const FILE_HEADER_BYTES = 14;

/** @throws DataError when the header is no supported bitmap's. */
export function readBmpHeader(bytes: Uint8Array): BmpHeader {
  if (bytes.length < FILE_HEADER_BYTES + 40) throw new DataError('the bitmap is truncated in its header');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headerBytes = view.getUint32(14, true);
  const width = view.getInt32(18, true);
  const signedHeight = view.getInt32(22, true);
  const bitsPerPixel = view.getUint16(28, true);
  const compression = view.getUint32(30, true);
  if (headerBytes < 40 || compression !== 0)
    throw new DataError('compressed or OS/2 bitmaps are not supported; convert it to PNG');
  if (bitsPerPixel !== 8 && bitsPerPixel !== 24 && bitsPerPixel !== 32)
    throw new DataError(
      `bitmaps of ${String(bitsPerPixel)} bits a pixel are not supported; convert it to PNG`,
    );
  if (width < 1 || signedHeight === 0) throw new DataError('the bitmap has no size');
  const used = view.getUint32(46, true);
  return {
    width,
    height: Math.abs(signedHeight),
    topDown: signedHeight < 0,
    bitsPerPixel,
    paletteOffset: FILE_HEADER_BYTES + headerBytes,
    paletteLength: bitsPerPixel === 8 ? Math.min(256, used === 0 ? 256 : used) : 0,
    dataOffset: view.getUint32(10, true),
    rowBytes: Math.ceil((width * bitsPerPixel) / 32) * 4,
  };
}

/** Red, green and blue samples. The caller has bounded the size. @throws DataError when the file is too short. */
export function decodeBmp(bytes: Uint8Array): RawImage {
  const header = readBmpHeader(bytes);
  const { width, height, bitsPerPixel, rowBytes, paletteOffset } = header;
  if (
    header.dataOffset + rowBytes * height > bytes.length ||
    paletteOffset + header.paletteLength * 4 > bytes.length
  )
    throw new DataError('the bitmap is truncated');
  const pixels = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    const row = header.dataOffset + (header.topDown ? y : height - 1 - y) * rowBytes;
    for (let x = 0; x < width; x++) {
      const sample = row + (x * bitsPerPixel) / 8;
      // Palette entries and pixels alike are blue, green, red.
      const source = bitsPerPixel === 8 ? paletteOffset + (bytes[sample] ?? 0) * 4 : sample;
      for (let channel = 0; channel < 3; channel++)
        pixels[(y * width + x) * 3 + channel] = bytes[source + 2 - channel] ?? 0;
    }
  }
  return { height, width, channels: 3, pixels };
}
