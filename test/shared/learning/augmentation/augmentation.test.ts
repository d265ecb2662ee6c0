import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  inverseAffine,
  isIdentity,
  sampleAffine,
  type Geometry,
} from '../../../../shared/learning/augmentation/affine.ts';
import {
  augmentImage,
  createAugmenter,
  drawImage,
} from '../../../../shared/learning/augmentation/augmenter.ts';
import { blur, gaussianKernel } from '../../../../shared/learning/augmentation/blur.ts';
import { cutOut } from '../../../../shared/learning/augmentation/cutout.ts';
import {
  addNoise,
  adjustContrast,
  adjustGamma,
  intensityStatistics,
} from '../../../../shared/learning/augmentation/intensity.ts';
import {
  AUGMENTATION_PRESETS,
  augmentationPreset,
  augmentationSchema,
} from '../../../../shared/learning/augmentation/schema.ts';
import { createRng, deriveSeed } from '../../../../shared/rng.ts';

const STILL: Geometry = {
  rotationRadians: 0,
  shiftX: 0,
  shiftY: 0,
  zoom: 1,
  flipLeftRight: false,
  flipUpDown: false,
};

function moved(image: readonly number[], width: number, geometry: Partial<Geometry>): number[] {
  const size = { height: image.length / width, width };
  const target = new Float32Array(image.length);
  sampleAffine(Float32Array.from(image), target, size, inverseAffine({ ...STILL, ...geometry }, size));
  return [...target];
}

const NINE = [1, 2, 3, 4, 5, 6, 7, 8, 9];

describe('geometry by hand', () => {
  it.each([
    { name: 'identity', geometry: {}, expected: NINE },
    {
      name: '90° counter-clockwise',
      geometry: { rotationRadians: Math.PI / 2 },
      expected: [3, 6, 9, 2, 5, 8, 1, 4, 7],
    },
    {
      name: '90° clockwise',
      geometry: { rotationRadians: -Math.PI / 2 },
      expected: [7, 4, 1, 8, 5, 2, 9, 6, 3],
    },
    { name: '180°', geometry: { rotationRadians: Math.PI }, expected: [9, 8, 7, 6, 5, 4, 3, 2, 1] },
    { name: 'left–right', geometry: { flipLeftRight: true }, expected: [3, 2, 1, 6, 5, 4, 9, 8, 7] },
    { name: 'up–down', geometry: { flipUpDown: true }, expected: [7, 8, 9, 4, 5, 6, 1, 2, 3] },
    { name: 'one to the right', geometry: { shiftX: 1 }, expected: [1, 1, 2, 4, 4, 5, 7, 7, 8] },
    {
      name: 'half a pixel down',
      geometry: { shiftY: 0.5 },
      expected: [1, 2, 3, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5],
    },
    { name: 'twice as large', geometry: { zoom: 2 }, expected: [3, 3.5, 4, 4.5, 5, 5.5, 6, 6.5, 7] },
    {
      name: 'flip, then turn',
      geometry: { flipLeftRight: true, rotationRadians: Math.PI / 2 },
      expected: [1, 4, 7, 2, 5, 8, 3, 6, 9],
    },
    {
      name: 'turn, then shift',
      geometry: { rotationRadians: Math.PI, shiftX: 1 },
      expected: [9, 9, 8, 6, 6, 5, 3, 3, 2],
    },
  ])('$name', ({ geometry, expected }) => {
    moved(NINE, 3, geometry).forEach((value, i) => {
      expect(value).toBeCloseTo(expected[i] ?? Number.NaN, 5);
    });
  });

  it('an image of one pixel stays', () => {
    expect(moved([4], 1, { rotationRadians: 1, shiftX: 3, zoom: 0.5 })).toEqual([4]);
  });
});

/** Forward map of one point about the centre, as the definition says it; then the naive bilinear value. */
function naive(image: Float32Array, channels: number, height: number, width: number, g: Geometry): number[] {
  const pixel = (c: number, x: number, y: number) => {
    const column = Math.min(width - 1, Math.max(0, x));
    const row = Math.min(height - 1, Math.max(0, y));
    return image[(c * height + row) * width + column] ?? Number.NaN;
  };
  const out: number[] = [];
  for (let c = 0; c < channels; c++)
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) {
        const u = x - g.shiftX - (width - 1) / 2;
        const v = y - g.shiftY - (height - 1) / 2;
        const cos = Math.cos(-g.rotationRadians);
        const sin = Math.sin(-g.rotationRadians);
        // Counter-clockwise with rows running downwards: (u, v) → (u·cos + v·sin, −u·sin + v·cos).
        const sx = ((u * cos + v * sin) / g.zoom) * (g.flipLeftRight ? -1 : 1) + (width - 1) / 2;
        const sy = ((-u * sin + v * cos) / g.zoom) * (g.flipUpDown ? -1 : 1) + (height - 1) / 2;
        const cx = Math.min(width - 1, Math.max(0, sx));
        const cy = Math.min(height - 1, Math.max(0, sy));
        const left = Math.floor(cx);
        const top = Math.floor(cy);
        const [p, q] = [cx - left, cy - top];
        out.push(
          (1 - q) * ((1 - p) * pixel(c, left, top) + p * pixel(c, left + 1, top)) +
            q * ((1 - p) * pixel(c, left, top + 1) + p * pixel(c, left + 1, top + 1)),
        );
      }
  return out;
}

it('the sampler agrees with the naive one for any geometry, size and number of channels', () => {
  const geometry = fc.record({
    rotationRadians: fc.double({ min: -4, max: 4, noNaN: true }),
    shiftX: fc.double({ min: -5, max: 5, noNaN: true }),
    shiftY: fc.double({ min: -5, max: 5, noNaN: true }),
    zoom: fc.double({ min: 0.3, max: 3, noNaN: true }),
    flipLeftRight: fc.boolean(),
    flipUpDown: fc.boolean(),
  });
  const side = fc.integer({ min: 1, max: 9 });
  fc.assert(
    fc.property(
      geometry,
      side,
      side,
      fc.constantFrom(1, 3),
      fc.integer(),
      (g, height, width, channels, seed) => {
        const rng = createRng(deriveSeed('image', seed));
        const image = Float32Array.from({ length: channels * height * width }, () => rng.uniform());
        const target = new Float32Array(image.length);
        sampleAffine(image, target, { height, width }, inverseAffine(g, { height, width }));
        const expected = naive(image, channels, height, width, g);
        expect(Math.max(...expected.map((value, i) => Math.abs(value - (target[i] ?? 9))))).toBeLessThan(
          1e-5,
        );
      },
    ),
  );
});

describe('intensity', () => {
  const image = () => Float32Array.of(0, 0.25, 0.5, 1);
  it('statistics', () => {
    expect(intensityStatistics(Float32Array.of(-1, 3, 1))).toEqual({ minimum: -1, maximum: 3, mean: 1 });
  });
  it('contrast is about the mean, brightness is added', () => {
    const values = Float32Array.of(1, 3);
    adjustContrast(values, 2, 0.5, 10);
    expect([...values]).toEqual([11.5, 12.5]);
  });
  it('gamma agrees with the power at and between the points of its table', () => {
    for (const exponent of [0.7, 1, 1.6]) {
      const values = Float32Array.from({ length: 1000 }, (_, i) => -2 + (4 * i) / 999);
      const before = values.slice();
      adjustGamma(values, intensityStatistics(values), exponent);
      values.forEach((value, i) => {
        const relative = ((before[i] ?? 0) + 2) / 4;
        // A straight line over 1/64 of the range strays most at black, where the power is steepest.
        expect(Math.abs((value + 2) / 4 - relative ** exponent)).toBeLessThan(
          relative < 1 / 64 ? 0.02 : 1e-3,
        );
      });
      expect([values[0], values[999]]).toEqual([-2, 2]);
    }
  });
  it('gamma leaves a constant image alone', () => {
    const flat = new Float32Array(4).fill(3);
    adjustGamma(flat, intensityStatistics(flat), 2);
    expect([...flat]).toEqual([3, 3, 3, 3]);
  });
  it('noise has mean zero and the given standard deviation, and is named by its seed', () => {
    const noise = (seed: number) => {
      const values = new Float32Array(200 * 50);
      addNoise(values, 50, 0.1, seed);
      return values;
    };
    const values = noise(5);
    const mean = values.reduce((a, b) => a + b, 0) / values.length;
    const variance = values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length;
    expect(Math.abs(mean)).toBeLessThan(0.01);
    expect(Math.sqrt(variance)).toBeCloseTo(0.1, 2);
    expect(noise(5)).toEqual(values);
    expect(noise(6)).not.toEqual(values);
  });
  it('identity parameters change nothing but the last bit', () => {
    const values = image();
    adjustContrast(values, 0.4, 1, 0);
    values.forEach((value, i) => {
      expect(value).toBeCloseTo(image()[i] ?? 9, 6);
    });
  });
});

describe('blur', () => {
  it('spreads a point by the kernel, rows and columns, each channel by itself', () => {
    const size = { height: 9, width: 11 };
    const image = new Float32Array(2 * 99);
    image[4 * 11 + 5] = 1;
    blur(image, size, 1);
    const kernel = gaussianKernel(1);
    expect(kernel).toHaveLength(7);
    for (let y = 0; y < 9; y++)
      for (let x = 0; x < 11; x++)
        expect(image[y * 11 + x]).toBeCloseTo((kernel[y - 1] ?? 0) * (kernel[x - 2] ?? 0), 6);
    expect(image.subarray(99).every((value) => value === 0)).toBe(true);
  });
  it('leaves a constant image constant up to rounding, also where the kernel is wider than the image', () => {
    const flat = new Float32Array(6).fill(0.7);
    blur(flat, { height: 2, width: 3 }, 4);
    flat.forEach((value) => {
      expect(value).toBeCloseTo(0.7, 6);
    });
  });
});

describe('cut-out', () => {
  it('puts the mean of each channel into the part of the square that is inside', () => {
    const image = Float32Array.of(...NINE, ...NINE.map((v) => 10 * v));
    cutOut(image, { height: 3, width: 3 }, { left: 1, top: -1, side: 3 });
    expect([...image]).toEqual([1, 5, 5, 4, 5, 5, 7, 8, 9, 10, 50, 50, 40, 50, 50, 70, 80, 90]);
  });
  it.each([
    { left: 3, top: 0 },
    { left: -2, top: 0 },
    { left: 0, top: 5 },
    { left: 0, top: -2 },
  ])('does nothing outside: $left, $top', ({ left, top }) => {
    const image = Float32Array.from(NINE);
    cutOut(image, { height: 3, width: 3 }, { left, top, side: 2 });
    expect([...image]).toEqual(NINE);
  });
});

describe('augmenter', () => {
  const EVERYTHING = augmentationSchema.parse({
    rotationDegrees: 20,
    shiftFraction: 0.1,
    zoomFraction: 0.2,
    flipLeftRight: true,
    flipUpDown: true,
    brightness: 0.1,
    contrast: 0.2,
    gamma: 0.3,
    noiseStdDev: 0.05,
    blurStdDevPixels: 1,
    cutoutFraction: 0.4,
  });
  const size = { height: 8, width: 10 };
  const stream = (seed: number) => createRng(deriveSeed('augmenter-test', seed));
  const source = Float32Array.from({ length: 5 * 80 }, (_, i) => Math.sin(i));
  const write = (settings: typeof EVERYTHING, seed: number) => {
    const out = new Float32Array(3 * 80);
    createAugmenter(settings, [1, 8, 10]).write(source, Int32Array.of(4, 0, 0), out, stream(seed));
    return out;
  };

  it('without settings copies the images that are asked for', () => {
    const out = write(augmentationPreset('none'), 1);
    expect(out.subarray(0, 80)).toEqual(source.subarray(320));
    expect(out.subarray(80, 160)).toEqual(source.subarray(0, 80));
  });

  it('identity settings of one image are the identity', () => {
    const draw = drawImage(augmentationPreset('none'), size, stream(3));
    expect(isIdentity(draw.geometry)).toBe(true);
    const out = new Float32Array(80);
    augmentImage(source.subarray(0, 80), out, size, draw);
    expect(out).toEqual(source.subarray(0, 80));
  });

  describe('one image: strengths are fractions of its own range, here 8', () => {
    const still = drawImage(augmentationPreset('none'), size, stream(3));
    const flat = { height: 3, width: 3 };
    const drawn = (change: Partial<typeof still>) => {
      const out = new Float32Array(9);
      augmentImage(Float32Array.from(NINE), out, flat, { ...still, ...change });
      return out;
    };
    const expected = (change: (image: Float32Array) => void) => {
      const image = Float32Array.from(NINE);
      change(image);
      return image;
    };
    it('brightness and contrast, about the mean 5', () => {
      expect([...drawn({ brightness: 0.25 })]).toEqual(NINE.map((v) => v + 2));
      expect([...drawn({ contrast: 0.5 })]).toEqual(NINE.map((v) => 5 + (v - 5) / 2));
    });
    it('noise, blur, gamma and cut-out', () => {
      expect(drawn({ noise: { stdDev: 0.5, seed: 8 } })).toEqual(
        expected((image) => {
          addNoise(image, 3, 4, 8);
        }),
      );
      expect(drawn({ blurStdDevPixels: 0.8 })).toEqual(
        expected((image) => {
          blur(image, flat, 0.8);
        }),
      );
      expect(drawn({ gammaExponent: 2 })).toEqual(
        expected((image) => {
          adjustGamma(image, { minimum: 1, maximum: 9, mean: 5 }, 2);
        }),
      );
      expect([...drawn({ cutout: { left: 0, top: 0, side: 1 } })]).toEqual([5, 2, 3, 4, 5, 6, 7, 8, 9]);
    });
    it('geometry comes first', () => {
      const geometry = { ...STILL, flipLeftRight: true };
      const cutout = { left: 0, top: 0, side: 1 };
      expect([...drawn({ geometry, cutout })]).toEqual([5, 2, 1, 6, 5, 4, 9, 8, 7]);
    });
  });

  it('is named by its seed, differs between images, and does not touch the source', () => {
    const before = source.slice();
    const out = write(EVERYTHING, 1);
    expect(write(EVERYTHING, 1)).toEqual(out);
    expect(write(EVERYTHING, 2)).not.toEqual(out);
    expect(out.subarray(80, 160)).not.toEqual(out.subarray(160));
    expect(out.every(Number.isFinite)).toBe(true);
    expect(source).toEqual(before);
  });

  it('one setting does not change the draws of the others', () => {
    const withNoise = stream(1);
    const without = stream(1);
    const quiet = { ...EVERYTHING, noiseStdDev: 0, blurStdDevPixels: 0 };
    for (let i = 0; i < 20; i++) {
      const a = drawImage(EVERYTHING, size, withNoise);
      const b = drawImage(quiet, size, without);
      expect(b).toEqual({ ...a, noise: undefined, blurStdDevPixels: undefined });
    }
  });

  it('draws within the settings', () => {
    const rng = stream(9);
    const draws = Array.from({ length: 500 }, () => drawImage(EVERYTHING, size, rng));
    const within = (limit: number, value: (draw: (typeof draws)[number]) => number) => {
      const largest = Math.max(...draws.map((draw) => Math.abs(value(draw))));
      expect(largest).toBeLessThanOrEqual(limit);
      expect(largest).toBeGreaterThan(limit * 0.9);
    };
    within((20 * Math.PI) / 180, (d) => d.geometry.rotationRadians);
    within(1, (d) => d.geometry.shiftX);
    within(0.8, (d) => d.geometry.shiftY);
    within(0.2, (d) => d.geometry.zoom - 1);
    within(0.1, (d) => d.brightness);
    within(0.2, (d) => d.contrast - 1);
    within(Math.log(1.3), (d) => Math.log(d.gammaExponent));
    const share = (happens: (draw: (typeof draws)[number]) => boolean) => draws.filter(happens).length / 500;
    expect(share((d) => d.geometry.flipLeftRight)).toBeCloseTo(0.5, 1);
    expect(share((d) => d.noise !== undefined)).toBeCloseTo(0.3, 1);
    expect(share((d) => d.cutout !== undefined)).toBeCloseTo(0.3, 1);
  });

  it.each(AUGMENTATION_PRESETS)('the preset %s gives finite images', (name) => {
    expect(write(augmentationPreset(name), 4).every(Number.isFinite)).toBe(true);
  });
});
