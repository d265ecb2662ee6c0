import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import sharp, { type Sharp } from 'sharp';
import { describe, expect, it } from 'vitest';
import { DataError } from '../../../shared/errors.ts';
import { DEFAULT_IMAGE_LIMITS, readImageFile, readImageHeader } from '../../../shared/data/image-file.ts';
import { withFolder } from './toy.ts';

const ramp8 = Uint8Array.from({ length: 20 * 16 }, (_, i) => (i * 7) % 256);
const ramp16 = Uint16Array.from({ length: 20 * 16 }, (_, i) => i * 200);
const raw = { width: 20, height: 16, channels: 1 } as const;
const grey8 = (): Sharp => sharp(ramp8, { raw }).toColourspace('b-w');
const grey16 = (): Sharp => sharp(ramp16, { raw }).toColourspace('grey16');

/** A small PNG whose header claims another size. */
async function pngClaiming(width: number, height: number): Promise<Buffer> {
  const bytes = await grey8().png().toBuffer();
  bytes.writeUInt32BE(width, 16);
  bytes.writeUInt32BE(height, 20);
  bytes.writeUInt32BE(crc32(bytes.subarray(12, 29)), 29);
  return bytes;
}

/** CRC-32 bit by bit (ISO 3309), as PNG wants it. */
function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return (crc ^ 0xffffffff) >>> 0;
}

/** A 24-bit bitmap, bottom row first, of 3×2 pixels. */
function bitmap(): Buffer {
  const bytes = Buffer.alloc(54 + 2 * 12);
  bytes.write('BM', 0, 'latin1');
  bytes.writeUInt32LE(54, 10);
  bytes.writeUInt32LE(40, 14);
  bytes.writeInt32LE(3, 18);
  bytes.writeInt32LE(2, 22);
  bytes.writeUInt16LE(1, 26);
  bytes.writeUInt16LE(24, 28);
  bytes.set([1, 2, 3, 4, 5, 6, 7, 8, 9], 54);
  bytes.set([11, 12, 13, 14, 15, 16, 17, 18, 19], 66);
  return bytes;
}

describe('readImageFile', () => {
  it.each(['png', 'tiff', 'webp'] as const)('reads 8-bit grey %s exactly', async (format) => {
    await withFolder(async (folder) => {
      const path = join(folder, `a.${format}`);
      await writeFile(
        path,
        await grey8().toFormat(format, { lossless: true, compression: 'lzw' }).toBuffer(),
      );
      const image = await readImageFile(path, { channels: 1 });
      expect([image.width, image.height, image.channels]).toEqual([20, 16, 1]);
      expect(image.pixels).toEqual(ramp8);
    });
  });

  it.each(['png', 'tiff'] as const)('keeps the 16 bits of a grey %s', async (format) => {
    await withFolder(async (folder) => {
      const path = join(folder, `a.${format}`);
      await writeFile(path, await grey16().toFormat(format, { compression: 'lzw' }).toBuffer());
      const image = await readImageFile(path);
      expect(image.channels).toBe(1);
      expect(image.pixels).toEqual(ramp16);
    });
  });

  it('brings 8-bit images to the scale of 16 bits, and makes grey of colour', async () => {
    await withFolder(async (folder) => {
      const path = join(folder, 'white.png');
      await sharp({ create: { width: 4, height: 4, channels: 3, background: '#fff' } })
        .png()
        .toFile(path);
      const image = await readImageFile(path, { channels: 1, bits: 16 });
      expect(image.pixels[0]).toBeGreaterThanOrEqual(65_280);
      expect((await readImageFile(path)).channels).toBe(3);
    });
  });

  it('reads bitmaps', async () => {
    await withFolder(async (folder) => {
      const path = join(folder, 'a.bmp');
      await writeFile(path, bitmap());
      const image = await readImageFile(path);
      expect([image.width, image.height, image.channels]).toEqual([3, 2, 3]);
      expect(Array.from(image.pixels)).toEqual([
        13, 12, 11, 16, 15, 14, 19, 18, 17, 3, 2, 1, 6, 5, 4, 9, 8, 7,
      ]);
      await writeFile(path, bitmap().subarray(0, 70));
      await expect(readImageFile(path)).rejects.toThrow('a.bmp: the bitmap is truncated');
    });
  });

  it('turns the image as its EXIF orientation says', async () => {
    await withFolder(async (folder) => {
      const path = join(folder, 'turned.jpg');
      await grey8().withMetadata({ orientation: 6 }).jpeg().toFile(path);
      expect(await readImageHeader(path)).toMatchObject({ width: 16, height: 20 });
      expect(await readImageFile(path)).toMatchObject({ width: 16, height: 20 });
    });
  });

  it('puts transparency on black', async () => {
    await withFolder(async (folder) => {
      const path = join(folder, 'clear.png');
      const background = { r: 255, g: 255, b: 255, alpha: 0 };
      await sharp({ create: { width: 4, height: 4, channels: 4, background } })
        .png()
        .toFile(path);
      expect((await readImageFile(path)).pixels.every((value) => value === 0)).toBe(true);
    });
  });

  it('resizes while decoding', async () => {
    await withFolder(async (folder) => {
      const path = join(folder, 'a.png');
      await grey8().png().toFile(path);
      const image = await readImageFile(path, { geometry: { height: 8, width: 8, fit: 'crop' } });
      expect([image.width, image.height, image.pixels.length]).toEqual([8, 8, 64]);
    });
  });

  it('reads names with dots, spaces and any Unicode', async () => {
    await withFolder(async (folder) => {
      const path = join(folder, 'Ärzte 1.2.840 – 胸部 😀.v2.png');
      await grey8().png().toFile(path);
      expect((await readImageFile(path)).width).toBe(20);
    });
  });
});

describe('images that cannot be used', () => {
  it('refuses a header of huge dimensions before decoding', async () => {
    await withFolder(async (folder) => {
      const path = join(folder, 'bomb.png');
      await writeFile(path, await pngClaiming(60_000, 60_000));
      await expect(readImageFile(path)).rejects.toThrow(
        'bomb.png: its header says 60000×60000 pixels; at most 50000000 are decoded',
      );
      await expect(readImageHeader(path)).rejects.toThrow(DataError);
    });
  });

  it('names a truncated JPEG, an empty file, another format and a missing file', async () => {
    await withFolder(async (folder) => {
      const path = join(folder, 'cut.jpg');
      const whole = await grey8().jpeg().toBuffer();
      await writeFile(path, whole.subarray(0, whole.length - 40));
      await expect(readImageFile(path)).rejects.toThrow(/^cut\.jpg: cannot be decoded \(.*\)$/);
      await writeFile(path, '');
      await expect(readImageFile(path)).rejects.toThrow('cut.jpg: the file is empty');
      await writeFile(path, '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>');
      await expect(readImageFile(path)).rejects.toThrow('cut.jpg: not a PNG, JPEG, TIFF, WebP or BMP image');
      await expect(readImageFile(join(folder, 'none.png'))).rejects.toThrow(/^none\.png: /);
    });
  });

  it('does not show the folder in messages', async () => {
    await withFolder(async (folder) => {
      const error: unknown = await readImageFile(join(folder, 'none.png')).catch((reason: unknown) => reason);
      expect(String(error)).not.toContain(folder);
    });
  });

  it('refuses files above the byte cap', async () => {
    await withFolder(async (folder) => {
      const path = join(folder, 'a.png');
      await grey8().png().toFile(path);
      await expect(readImageFile(path, {}, { ...DEFAULT_IMAGE_LIMITS, fileBytes: 20 })).rejects.toThrow(
        'at most 20',
      );
    });
  });

  it('never fails otherwise than with a DataError', async () => {
    const jpeg = await grey8().jpeg().toBuffer();
    const png = await grey16().png().toBuffer();
    await withFolder(async (folder) => {
      const path = join(folder, 'fuzz');
      await fc.assert(
        fc.asyncProperty(
          fc.constantFrom(jpeg, png, bitmap()),
          fc.array(fc.tuple(fc.nat(2000), fc.nat(255)), { maxLength: 6 }),
          fc.nat(1000),
          async (valid, edits, cut) => {
            const damaged = Buffer.from(
              valid.subarray(0, valid.length - (cut > 500 ? cut % valid.length : 0)),
            );
            for (const [at, value] of edits) if (at < damaged.length) damaged[at] = value;
            await writeFile(path, damaged);
            try {
              await readImageFile(path, { geometry: { height: 8, width: 8, fit: 'pad' } });
            } catch (error) {
              expect(error).toBeInstanceOf(DataError);
              expect(String(error)).toContain('fuzz: ');
            }
          },
        ),
        { numRuns: 150 },
      );
    });
  });
});
