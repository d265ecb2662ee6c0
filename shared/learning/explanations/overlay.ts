/** A heat map over the image it explains, as a picture for people. Pure; PNG files are written by shared/data/png.ts. */
import type { RawImage } from '../../data/resize.ts';
import { enlarge, relativeEvidence, type Heatmap } from './heatmap.ts';

/** Small images are enlarged by a whole factor until their shorter side has this many pixels. */
const LEAST_SIDE = 224;
/** Of the colour where the evidence is strongest; the image must stay visible below it. */
const STRONGEST_SHARE = 0.6;

/**
 * Colours by evidence from 0 to 1, brightness rising throughout, so that the order survives on a grey printer and for
 * colour-blind readers (after the "inferno" scale's idea; Crameri et al. 2020, "The misuse of colour").
 */
const STOPS: readonly (readonly [number, number, number])[] = [
  [20, 11, 52],
  [101, 21, 110],
  [187, 55, 84],
  [240, 112, 32],
  [252, 255, 164],
];

function colourAt(evidence: number): readonly [number, number, number] {
  const position = evidence * (STOPS.length - 1);
  const index = Math.min(STOPS.length - 2, Math.floor(position));
  const share = position - index;
  const low = STOPS[index] ?? [0, 0, 0];
  const high = STOPS[index + 1] ?? [0, 0, 0];
  const mix = (c: 0 | 1 | 2): number => low[c] * (1 - share) + high[c] * share;
  return [mix(0), mix(1), mix(2)];
}

/**
 * A preprocessed image as a grey or colour picture: stretched from its least to its largest value.
 * @param planes [C, H, W] @returns RGB, enlarged by a whole factor
 */
export function pictureOf(planes: Float32Array, imageDims: readonly [number, number, number]): RawImage {
  const [channels, height, width] = imageDims;
  const factor = Math.max(1, Math.ceil(LEAST_SIDE / Math.min(height, width)));
  let least = Infinity;
  let largest = -Infinity;
  for (const value of planes) {
    least = Math.min(least, value);
    largest = Math.max(largest, value);
  }
  const scale = largest > least ? 255 / (largest - least) : 0;
  const out = new Uint8Array(height * factor * width * factor * 3);
  for (let row = 0; row < height * factor; row++)
    for (let column = 0; column < width * factor; column++) {
      const from = Math.floor(row / factor) * width + Math.floor(column / factor);
      for (let c = 0; c < 3; c++) {
        const value = planes[(channels === 3 ? c : 0) * height * width + from] ?? 0;
        out[(row * width * factor + column) * 3 + c] = Math.round((value - least) * scale);
      }
    }
  return { height: height * factor, width: width * factor, channels: 3, pixels: out };
}

/** The picture with the evidence for the class laid over it: the stronger, the brighter and the less transparent. */
export function overlay(picture: RawImage, map: Heatmap): RawImage {
  const large = enlarge(map, picture.height, picture.width);
  const evidence = relativeEvidence(large);
  const pixels = new Uint8Array(picture.pixels.length);
  evidence.forEach((value, i) => {
    const share = STRONGEST_SHARE * value;
    colourAt(value).forEach((colour, c) => {
      pixels[3 * i + c] = Math.round((picture.pixels[3 * i + c] ?? 0) * (1 - share) + colour * share);
    });
  });
  return { ...picture, pixels };
}

/** Two RGB pictures of one size, with a black line between them. */
export function sideBySide(left: RawImage, right: RawImage): RawImage {
  const gap = 4;
  const width = left.width + gap + right.width;
  const pixels = new Uint8Array(left.height * width * 3);
  for (let row = 0; row < left.height; row++) {
    pixels.set(left.pixels.subarray(row * left.width * 3, (row + 1) * left.width * 3), row * width * 3);
    pixels.set(
      right.pixels.subarray(row * right.width * 3, (row + 1) * right.width * 3),
      (row * width + left.width + gap) * 3,
    );
  }
  return { height: left.height, width, channels: 3, pixels };
}
