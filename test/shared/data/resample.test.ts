import { describe, expect, it } from 'vitest';
import { preprocess } from '../../../shared/data/preprocess.ts';
import { DEFAULT_PREPROCESSING, preprocessingSchema } from '../../../shared/data/preprocessing-schema.ts';
import { prepareImage, withChannels } from '../../../shared/data/prepare-image.ts';
import { resample } from '../../../shared/data/resample.ts';
import { resizeImage, toRawImage, type RawImage } from '../../../shared/data/resize.ts';
import { createRng, deriveSeed } from '../../../shared/rng.ts';
import sharp from 'sharp';

type Shape = readonly [height: number, width: number, channels: 1 | 3];

function noise([height, width, channels]: Shape): RawImage {
  const rng = createRng(deriveSeed('resample-test', height, width));
  const pixels = Uint8Array.from({ length: height * width * channels }, () => rng.integer(256));
  return { height, width, channels, pixels };
}

function smooth([height, width, channels]: Shape): RawImage {
  const pixels = Uint8Array.from({ length: height * width * channels }, (_, i) => {
    const x = Math.floor(i / channels) % width;
    const y = Math.floor(i / channels / width);
    return 128 + 60 * Math.sin((11 * x) / width + (i % channels)) + 50 * Math.cos((9 * y) / height);
  });
  return { height, width, channels, pixels };
}

function difference(a: RawImage, b: RawImage): { largest: number; mean: number } {
  expect([a.height, a.width, a.pixels.length]).toEqual([b.height, b.width, b.pixels.length]);
  let largest = 0;
  let total = 0;
  a.pixels.forEach((value, i) => {
    const gap = Math.abs(value - (b.pixels[i] ?? NaN));
    largest = Math.max(largest, gap);
    total += gap;
  });
  return { largest, mean: total / a.pixels.length };
}

const SIZES: readonly (readonly [from: Shape, to: readonly [number, number]])[] = [
  [
    [100, 100, 1],
    [50, 50],
  ],
  [
    [100, 100, 3],
    [28, 28],
  ],
  [
    [64, 64, 1],
    [28, 28],
  ],
  [
    [150, 200, 3],
    [28, 28],
  ],
  [
    [301, 400, 1],
    [28, 32],
  ],
  [
    [99, 57, 1],
    [28, 28],
  ],
  [
    [500, 640, 1],
    [64, 64],
  ],
];

describe('resampling without a library', () => {
  for (const [from, [height, width]] of SIZES)
    for (const fit of ['pad', 'crop'] as const)
      it(`${from.join('×')} to ${String(height)}×${String(width)}, ${fit}: what libvips gives, to less than a grey level in the mean`, async () => {
        const geometry = { height, width, fit };
        const hard = difference(resample(noise(from), geometry), await resizeImage(noise(from), geometry));
        expect(hard.largest).toBeLessThanOrEqual(3);
        expect(hard.mean).toBeLessThan(0.8);
        const easy = difference(resample(smooth(from), geometry), await resizeImage(smooth(from), geometry));
        expect(easy.largest).toBeLessThanOrEqual(3);
        expect(easy.mean).toBeLessThan(0.5);
      });

  it('enlarges as libvips does, to two grey levels of a smooth image', async () => {
    const geometry = { height: 64, width: 64, fit: 'pad' } as const;
    const image = smooth([20, 31, 3]);
    const { largest, mean } = difference(resample(image, geometry), await resizeImage(image, geometry));
    expect(largest).toBeLessThanOrEqual(2);
    expect(mean).toBeLessThan(0.1);
  });

  it('of 16 bits keeps their range', async () => {
    const bytes = smooth([90, 70, 1]);
    const image: RawImage = { ...bytes, pixels: Uint16Array.from(bytes.pixels, (value) => value * 257) };
    const geometry = { height: 28, width: 28, fit: 'pad' } as const;
    const { largest } = difference(resample(image, geometry), await resizeImage(image, geometry));
    expect(largest).toBeLessThan(257);
  });

  it('leaves an image of the right size alone, and a constant one constant', () => {
    const image = noise([28, 28, 1]);
    expect(resample(image, { height: 28, width: 28, fit: 'pad' })).toBe(image);
    const flat: RawImage = { ...noise([90, 90, 1]), pixels: new Uint8Array(8100).fill(77) };
    expect(resample(flat, { height: 31, width: 31, fit: 'crop' }).pixels.every((value) => value === 77)).toBe(
      true,
    );
  });
});

describe('the channels that a model takes', () => {
  it('colour becomes the luminance that libvips computes, to one level; grey stays', async () => {
    const image = noise([64, 64, 3]);
    image.pixels.set([90, 90, 90]);
    const theirs = await toRawImage(
      sharp(image.pixels, { raw: { height: 64, width: 64, channels: 3 } }),
      1,
      8,
    );
    const ours = withChannels(image, 1);
    expect(difference(ours, theirs).largest).toBeLessThanOrEqual(1);
    expect(ours.pixels[0]).toBe(90);
  });

  it('grey becomes three equal planes', () => {
    const image: RawImage = { height: 1, width: 2, channels: 1, pixels: Uint8Array.of(5, 9) };
    expect([...withChannels(image, 3).pixels]).toEqual([5, 5, 5, 9, 9, 9]);
  });
});

describe('one image, prepared', () => {
  it.each([
    ['unit', DEFAULT_PREPROCESSING],
    ['z-score of the image', preprocessingSchema.parse({ intensity: { kind: 'zscore', scope: 'image' } })],
    [
      'z-score of a dataset, CLAHE',
      preprocessingSchema.parse({
        intensity: { kind: 'zscore', mean: [0.4, 0.5, 0.6], stdDev: [0.1, 0.2, 0.3] },
        clahe: { tiles: 2 },
      }),
    ],
    ['percentiles', preprocessingSchema.parse({ intensity: { kind: 'percentile' } })],
  ])('%s: bit by bit what training took', async (_name, preprocessing) => {
    const image = noise([16, 20, 3]);
    const { images } = await preprocess(
      {
        ...image,
        ...{ name: 'one', count: 1, labels: Int32Array.of(0), classNames: ['a', 'b'], patients: ['p'] },
        synthetic: true,
      },
      preprocessing,
    );
    expect(prepareImage(image, { imageDims: [3, 16, 20], preprocessing })).toEqual(images);
  });
});
