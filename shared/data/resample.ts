/**
 * Changes the size of an image without any library, so that a browser does exactly what the command line does. It follows
 * the steps of libvips, which prepares training images (resize.ts): whole boxes are averaged until at most a factor of four
 * is left, a Catmull-Rom kernel as wide as the reduction does the rest, vertically and then horizontally.
 */
import type { Geometry, RawImage } from './resize.ts';

type Axis = 'vertical' | 'horizontal';

/** Boxes are averaged as long as the kernel still reduces by this factor or more (libvips's default gap). */
const GAP = 2;

/** The whole image in the wanted frame: 'pad' adds black bars, 'crop' cuts the longer side. */
export function resample(image: RawImage, geometry: Geometry): RawImage {
  if (image.height === geometry.height && image.width === geometry.width) return image;
  const ratios = [image.width / geometry.width, image.height / geometry.height];
  const shrink = geometry.fit === 'pad' ? Math.max(...ratios) : Math.min(...ratios);
  const target = {
    height: Math.max(1, Math.round(image.height / shrink)),
    width: Math.max(1, Math.round(image.width / shrink)),
  };
  const scaled = scaleAxis(
    scaleAxis(image, 'vertical', target.height, shrink),
    'horizontal',
    target.width,
    shrink,
  );
  return place(scaled, geometry);
}

/** Centred in the frame, as libvips's users do: odd pixels go right and below, and are cut at left and above. */
function place(image: RawImage, { height, width }: Geometry): RawImage {
  if (image.height === height && image.width === width) return image;
  const { channels } = image;
  const out = emptyLike(image, height * width * channels);
  const offset = (inner: number, outer: number): number =>
    inner <= outer ? Math.floor((outer - inner) / 2) : -Math.floor((inner - outer + 1) / 2);
  const top = offset(image.height, height);
  const left = offset(image.width, width);
  const firstColumn = Math.max(0, left);
  const lastColumn = Math.min(width, left + image.width);
  for (let row = Math.max(0, top); row < Math.min(height, top + image.height); row++) {
    const from = ((row - top) * image.width + firstColumn - left) * channels;
    const length = (lastColumn - firstColumn) * channels;
    out.set(image.pixels.subarray(from, from + length), (row * width + firstColumn) * channels);
  }
  return { height, width, channels, pixels: out };
}

function emptyLike({ pixels }: RawImage, length: number): Uint8Array | Uint16Array {
  return pixels instanceof Uint16Array ? new Uint16Array(length) : new Uint8Array(length);
}

/** A pixel of the result: where its sources begin along the axis, and their weights (sum 1). */
interface Taps {
  readonly first: number;
  readonly weights: readonly number[];
}

function scaleAxis(image: RawImage, axis: Axis, target: number, shrink: number): RawImage {
  if (shrink === 1) return image;
  const source = lengthOf(image, axis);
  const boxes = Math.max(1, Math.floor(source / target / GAP));
  const boxed = boxes > 1 ? applyTaps(image, axis, boxTaps(source, boxes)) : image;
  // What is left over when the target is rounded is cut, or added, on both sides alike.
  const margin = (source - target * shrink) / (2 * boxes);
  return applyTaps(boxed, axis, cubicTaps(target, shrink / boxes, margin));
}

const lengthOf = (image: RawImage, axis: Axis): number => (axis === 'vertical' ? image.height : image.width);

/** The last box is filled up with the border. */
function boxTaps(source: number, boxes: number): Taps[] {
  const weights = Array.from({ length: boxes }, () => 1 / boxes);
  return Array.from({ length: Math.ceil(source / boxes) }, (_, i) => ({ first: i * boxes, weights }));
}

/** Catmull-Rom (Keys 1981, a = −½), stretched by the reduction; interpolation where the image grows. */
function cubicTaps(target: number, shrink: number, margin: number): Taps[] {
  const stretch = Math.max(1, shrink);
  const reach = Math.round(2 * stretch);
  return Array.from({ length: target }, (_, i) => {
    // Enlarging, libvips lays the upper left corners of the images over each other, half a source pixel up and left.
    const centre = shrink > 1 ? (i + 0.5) * shrink - 0.5 + margin : i * shrink - 0.5;
    const first = Math.floor(centre) - reach + (shrink > 1 ? 0 : 1);
    const count = 2 * reach + (shrink > 1 ? 1 : 0);
    const raw = Array.from({ length: count }, (_unused, k) => catmullRom((first + k - centre) / stretch));
    const total = raw.reduce((a, b) => a + b, 0);
    return { first, weights: raw.map((weight) => weight / total) };
  });
}

function catmullRom(x: number): number {
  const a = Math.abs(x);
  if (a <= 1) return (1.5 * a - 2.5) * a * a + 1;
  return a <= 2 ? ((-0.5 * a + 2.5) * a - 4) * a + 2 : 0;
}

/** Sources beyond the border repeat it; results are rounded to whole samples, as libvips keeps them between its steps. */
function applyTaps(image: RawImage, axis: Axis, taps: readonly Taps[]): RawImage {
  const { channels, pixels } = image;
  const vertical = axis === 'vertical';
  const source = lengthOf(image, axis);
  const height = vertical ? taps.length : image.height;
  const width = vertical ? image.width : taps.length;
  const out = emptyLike(image, height * width * channels);
  const largest = out instanceof Uint16Array ? 65_535 : 255;
  // Samples that lie side by side across the axis, and the distance of neighbours along it.
  const step = vertical ? image.width * channels : channels;
  const across = vertical ? image.width * channels : channels;
  const lines = vertical ? 1 : image.height;
  const sums = new Float64Array(across);
  for (let line = 0; line < lines; line++) {
    const start = line * image.width * channels;
    taps.forEach(({ first, weights }, i) => {
      sums.fill(0);
      for (let k = 0; k < weights.length; k++) {
        const weight = weights[k] ?? 0;
        const from = start + Math.min(source - 1, Math.max(0, first + k)) * step;
        for (let j = 0; j < across; j++) sums[j] = (sums[j] ?? 0) + weight * (pixels[from + j] ?? 0);
      }
      const to = vertical ? i * across : (line * width + i) * channels;
      for (let j = 0; j < across; j++) out[to + j] = Math.min(largest, Math.max(0, Math.round(sums[j] ?? 0)));
    });
  }
  return { height, width, channels, pixels: out };
}
