import { describe, expect, it } from 'vitest';
import { gradCam, gradCamPlusPlus } from '../../../../shared/learning/explanations/class-activation.ts';
import { enlarge, peakOf, relativeEvidence } from '../../../../shared/learning/explanations/heatmap.ts';
import { integratedGradients } from '../../../../shared/learning/explanations/integrated-gradients.ts';
import { occlusionMap } from '../../../../shared/learning/explanations/occlusion.ts';
import { overlay, pictureOf, sideBySide } from '../../../../shared/learning/explanations/overlay.ts';
import { pointsAt, rankCorrelation } from '../../../../shared/learning/explanations/sanity.ts';

const map = (values: readonly number[], width: number) => ({
  height: values.length / width,
  width,
  values: Float32Array.from(values),
});

describe('class activation maps by hand', () => {
  // Two channels of 1×2. Channel 0 speaks for the class at the left, channel 1 against it at the right.
  const input = {
    channels: 2,
    height: 1,
    width: 2,
    features: Float32Array.of(3, 1, 2, 4),
    gradients: Float32Array.of(1, 0, -1, -1),
  };

  it('Grad-CAM: weights are mean gradients, what is negative is cut', () => {
    // Weights ½ and −1: [½·3 − 2, ½·1 − 4], both negative.
    expect([...gradCam(input).values]).toEqual([0, 0]);
    // Weights ½ and ½.
    expect([...gradCam({ ...input, gradients: Float32Array.of(1, 0, 1, 0) }).values]).toEqual([2.5, 2.5]);
  });

  it('Grad-CAM++: positions weigh g²/(2g² + g³ΣA), negative gradients nothing', () => {
    // Channel 0: 1/(2 + 4)·1 = 1/6; channel 1: nothing.
    const { values } = gradCamPlusPlus(input);
    expect(values[0]).toBeCloseTo(3 / 6, 6);
    expect(values[1]).toBeCloseTo(1 / 6, 6);
  });
});

describe('integrated gradients by hand', () => {
  it('of x₀·x₁ from 0 to (2, 3): half of the product each, at any even number of steps', async () => {
    const result = await integratedGradients({
      image: Float32Array.of(2, 3),
      baseline: new Float32Array(2),
      imageDims: [1, 1, 2],
      steps: 5,
      batch: 3,
      gradients: (points) =>
        Promise.resolve(Float32Array.from(points, (_, i) => points[i % 2 === 0 ? i + 1 : i - 1] ?? 0)),
    });
    expect(result.values[0]).toBeCloseTo(3, 5);
    expect(result.values[1]).toBeCloseTo(3, 5);
  });

  it('adds up the channels of a pixel', async () => {
    const { values, height, width } = await integratedGradients({
      image: Float32Array.of(1, 2, 10, 20),
      baseline: Float32Array.of(0, 1, 0, 0),
      imageDims: [2, 1, 2],
      steps: 2,
      batch: 2,
      gradients: () => Promise.resolve(Float32Array.of(1, 1, 2, 2, 1, 1, 2, 2)),
    });
    expect({ height, width, values: [...values] }).toEqual({ height: 1, width: 2, values: [21, 41] });
  });
});

describe('occlusion by hand', () => {
  it('finds the one pixel that the score depends on', async () => {
    const image = new Float32Array(25).fill(0.2);
    image[12] = 1;
    const result = await occlusionMap({
      image,
      baseline: new Float32Array(25),
      imageDims: [1, 5, 5],
      batch: 4,
      patch: 1,
      stride: 1,
      score: (images) => Promise.resolve([0, 1, 2, 3].map((k) => images[k * 25 + 12] ?? 0)),
    });
    expect([...result.values].map((value) => Math.round(value))).toEqual([
      ...new Array<number>(12).fill(0),
      1,
      ...new Array<number>(12).fill(0),
    ]);
  });

  it('covers every pixel when squares do not fit evenly, in all channels', async () => {
    const image = new Float32Array(2 * 7 * 5).fill(1);
    const { values } = await occlusionMap({
      image,
      baseline: new Float32Array(70),
      imageDims: [2, 7, 5],
      batch: 3,
      patch: 3,
      stride: 2,
      score: (images) =>
        Promise.resolve(
          [0, 1, 2].map((k) => images.subarray(k * 70, (k + 1) * 70).reduce((a, b) => a + b, 0)),
        ),
    });
    // Each square of nine pixels takes 18 from the sum, wherever it lies.
    expect([...values]).toEqual(new Array<number>(35).fill(18));
  });
});

describe('heat maps', () => {
  it('are enlarged with pixel centres as anchors', () => {
    const { values } = enlarge(map([0, 4], 2), 2, 4);
    expect([...values]).toEqual([0, 1, 3, 4, 0, 1, 3, 4]);
  });

  it('show relative evidence and know their peak', () => {
    expect([...relativeEvidence(map([-2, 1, 4], 3))]).toEqual([0, 0.25, 1]);
    expect([...relativeEvidence(map([-2, -1], 2))]).toEqual([0, 0]);
    expect(peakOf(map([0, 1, 5, 2, 5, 0], 3))).toEqual({ row: 0, column: 2 });
  });

  it('correlate by ranks, ties sharing theirs', () => {
    expect(rankCorrelation(map([1, 2, 3], 3), map([10, 100, 1000], 3))).toBeCloseTo(1, 12);
    expect(rankCorrelation(map([1, 2, 3], 3), map([3, 2, 1], 3))).toBeCloseTo(-1, 12);
    // Ranks 0.5, 0.5, 2 against 0, 1, 2: covariance 1.5 over √(1.5·2).
    expect(rankCorrelation(map([1, 1, 9], 3), map([1, 2, 3], 3))).toBeCloseTo(1.5 / Math.sqrt(3), 12);
    expect(rankCorrelation(map([1, 1], 2), map([1, 2], 2))).toBe(0);
  });

  it('point at a finding within the tolerance', () => {
    const marked = [0, 0, 0, 0, 0, 0, 0, 0, 1];
    const peak = map([0, 0, 0, 0, 1, 0, 0, 0, 0], 3);
    expect(pointsAt(peak, marked, 1)).toBe(false);
    expect(pointsAt(peak, marked, 1.5)).toBe(true);
    expect(pointsAt(peak, new Uint8Array(9), 9)).toBe(false);
  });
});

describe('pictures', () => {
  const picture = pictureOf(Float32Array.of(-1, 1, 0, 1), [1, 2, 2]);

  it('are stretched to 0…255 and enlarged by a whole factor', () => {
    expect({ height: picture.height, width: picture.width }).toEqual({ height: 224, width: 224 });
    expect([picture.pixels[0], picture.pixels[223 * 3], picture.pixels[223 * 224 * 3]]).toEqual([
      0, 255, 128,
    ]);
  });

  it('stay as they are where there is no evidence, and glow where it is strongest', () => {
    const shown = overlay(picture, map([1, 0, 0, 0], 2));
    expect([...shown.pixels.subarray(0, 3)]).toEqual([151, 153, 98]);
    const last = picture.pixels.length - 3;
    expect(shown.pixels.subarray(last)).toEqual(picture.pixels.subarray(last));
    expect(overlay(picture, map([0, 0, 0, 0], 2)).pixels).toEqual(picture.pixels);
  });

  it('of a constant image are black, and two stand side by side', () => {
    const black = pictureOf(new Float32Array(4).fill(3), [1, 2, 2]);
    expect(black.pixels.every((value) => value === 0)).toBe(true);
    const pair = sideBySide(black, picture);
    expect([pair.height, pair.width, pair.pixels[(224 + 4 + 223) * 3]]).toEqual([224, 452, 255]);
  });
});
