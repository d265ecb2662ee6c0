import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { equalizeAdaptively } from '../../../shared/data/clahe.ts';

const plane = (
  values: readonly number[],
  width: number,
): { values: Float32Array; height: number; width: number } => ({
  values: Float32Array.from(values),
  height: values.length / width,
  width,
});

describe('CLAHE', () => {
  it('is plain histogram equalisation with one tile and no limit', () => {
    // Three of four pixels are dark: their rank's middle is 3/8; the bright one's 7/8.
    const image = plane([0.1, 0.1, 0.1, 0.2], 2);
    equalizeAdaptively(image, { tiles: 1, clipLimit: 256 });
    expect(Array.from(image.values)).toEqual([0.375, 0.375, 0.375, 0.875]);
  });

  it('leaves the contrast nearly as it is at the lowest limit', () => {
    const image = plane(
      Array.from({ length: 1024 }, (_, i) => 0.3 + 0.2 * Math.sin(i)),
      32,
    );
    const before = image.values.slice();
    equalizeAdaptively(image, { tiles: 4, clipLimit: 1 });
    image.values.forEach((value, i) => {
      expect(Math.abs(value - (before[i] ?? 0))).toBeLessThan(0.06);
    });
  });

  it('raises local contrast, the more the higher the limit', () => {
    const spread = (clipLimit: number): number => {
      const image = plane(
        Array.from({ length: 1024 }, (_, i) => 0.5 + 0.02 * Math.sin(i * 1.7)),
        32,
      );
      equalizeAdaptively(image, { tiles: 2, clipLimit });
      return Math.max(...image.values) - Math.min(...image.values);
    };
    expect(spread(4)).toBeGreaterThan(0.06);
    expect(spread(40)).toBeGreaterThan(2 * spread(4));
  });

  it('keeps every value within 0…1, for any size and number of tiles', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 16 }),
        fc.nat(),
        (height, width, tiles, seed) => {
          const values = Float32Array.from(
            { length: height * width },
            (_, i) => ((i * 7919 + seed) % 101) / 100,
          );
          equalizeAdaptively({ values, height, width }, { tiles, clipLimit: 3 });
          expect(values.every((value) => value >= 0 && value <= 1 + 1e-6)).toBe(true);
        },
      ),
    );
  });
});
