import { describe, expect, it } from 'vitest';
import type { Dataset } from '../../../shared/data/dataset.ts';
import { preprocess, selectExamples } from '../../../shared/data/preprocess.ts';
import { preprocessingSchema } from '../../../shared/data/preprocessing-schema.ts';
import { resizeImage } from '../../../shared/data/resize.ts';
import { toyDataset } from './toy.ts';

const rgb = (pixels: readonly number[], height: number, width: number): Dataset => ({
  ...toyDataset([{ label: 0 }]),
  height,
  width,
  channels: 3,
  pixels: Uint8Array.from(pixels),
});
const grey = (pixels: Uint8Array | Uint16Array, height: number, width: number): Dataset => ({
  ...toyDataset(Array.from({ length: pixels.length / (height * width) }, () => ({ label: 0 }))),
  height,
  width,
  pixels,
});
const options = (fields: Record<string, unknown>): ReturnType<typeof preprocessingSchema.parse> =>
  preprocessingSchema.parse(fields);

describe('preprocess', () => {
  it('scales to 0…1 and turns interleaved colours into planes', async () => {
    const result = await preprocess(rgb([255, 0, 51, 0, 255, 102], 1, 2));
    expect(result.imageDims).toEqual([3, 1, 2]);
    expect(Array.from(result.images)).toEqual([1, 0, 0, 1, 0.2, 0.4].map(Math.fround));
  });

  it('scales 16 bits by their own range', async () => {
    const result = await preprocess(grey(Uint16Array.of(0, 13107, 65535, 26214), 2, 2));
    expect(Array.from(result.images)).toEqual([0, 0.2, 1, 0.4].map(Math.fround));
  });

  it('gives each image mean 0 and deviation 1', async () => {
    const result = await preprocess(
      grey(Uint8Array.of(0, 100, 0, 100, 50, 50, 50, 50), 2, 2),
      options({ intensity: { kind: 'zscore', scope: 'image' } }),
    );
    const expected = [-1, 1, -1, 1, 0, 0, 0, 0];
    result.images.forEach((value, i) => {
      expect(value).toBeCloseTo(expected[i] ?? 0, 4);
    });
  });

  it('measures the mean of the training part only, and hands it back', async () => {
    const dataset = grey(Uint8Array.of(51, 102, 51, 102, 255, 255, 255, 255), 2, 2);
    const wanted = options({ intensity: { kind: 'zscore' } });
    const result = await preprocess(dataset, wanted, [0]);
    const { intensity } = result.resolved;
    if (intensity.kind !== 'zscore') expect.unreachable();
    expect(intensity.mean?.[0]).toBeCloseTo(0.3, 6);
    expect(intensity.stdDev?.[0]).toBeCloseTo(0.1, 6);
    expect(result.images[0]).toBeCloseTo(-1, 5);
    expect(result.images[4]).toBeCloseTo(7, 4);
    const again = await preprocess(dataset, result.resolved);
    expect(again.images).toEqual(result.images);
    await expect(preprocess(dataset, wanted)).rejects.toThrow('needs mean and stdDev, or the training part');
    const wrong = options({ intensity: { kind: 'zscore', mean: [0, 0, 0], stdDev: [1, 1, 1] } });
    await expect(preprocess(dataset, wrong)).rejects.toThrow('1 value(s)');
  });

  it('clips to percentiles', async () => {
    const pixels = Uint8Array.from({ length: 121 }, (_, i) => i);
    const result = await preprocess(
      grey(pixels, 11, 11),
      options({ intensity: { kind: 'percentile', low: 10, high: 90 } }),
    );
    // The 10th percentile of 0…120 is 12, the 90th 108.
    expect(result.images[12]).toBe(0);
    expect(result.images[0]).toBe(0);
    expect(result.images[60]).toBeCloseTo(0.5, 6);
    expect(result.images[108]).toBeCloseTo(1, 6);
    expect(result.images[120]).toBe(1);
  });

  it('pads or crops to the size without changing the aspect ratio', async () => {
    const dataset = grey(new Uint8Array(16 * 8).fill(255), 16, 8);
    const size = { height: 16, width: 16 };
    const padded = await preprocess(dataset, options({ size, fit: 'pad' }));
    const row = Array.from(padded.images.subarray(8 * 16, 9 * 16));
    expect(row).toEqual([0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0]);
    const cropped = await preprocess(dataset, options({ size, fit: 'crop' }));
    expect(cropped.images.every((value) => value === 1)).toBe(true);
  });

  it('equalises the brightness of colours and keeps their hue', async () => {
    const pixels = Array.from({ length: 64 }, (_, i) => [40 + i, 20 + i / 2, 10 + i / 4]).flat();
    const result = await preprocess(rgb(pixels, 8, 8), options({ clahe: { tiles: 1, clipLimit: 100 } }));
    const [red, green] = [result.images[20] ?? 0, result.images[64 + 20] ?? 0];
    expect(red / green).toBeCloseTo(60 / 30, 1);
    expect(Math.max(...result.images)).toBeGreaterThan(0.9);
  });

  it('refuses options that mean nothing', () => {
    for (const fields of [
      { intensity: { kind: 'percentile', low: 99, high: 1 } },
      { intensity: { kind: 'log' } },
      { size: { height: 4, width: 28 } },
      { squash: true },
    ])
      expect(preprocessingSchema.safeParse(fields).success, JSON.stringify(fields)).toBe(false);
  });

  it('selects examples in the given order', async () => {
    const all = await preprocess(toyDataset([{ label: 0 }, { label: 1 }, { label: 0 }]));
    const some = selectExamples(all, [2, 1]);
    expect(Array.from(some.labels)).toEqual([0, 1]);
    expect(some.count).toBe(2);
    expect(some.images[0]).toBe(all.images[8]);
  });
});

describe('resizeImage', () => {
  it('keeps 16 bits and constant images', async () => {
    const image = { height: 8, width: 8, channels: 1, pixels: new Uint16Array(64).fill(40_000) } as const;
    const small = await resizeImage(image, { height: 4, width: 4, fit: 'crop' });
    expect(small.pixels).toEqual(new Uint16Array(16).fill(40_000));
    expect(await resizeImage(image, { height: 8, width: 8, fit: 'pad' })).toBe(image);
  });
});
