/**
 * Occlusion sensitivity (Zeiler, Fergus 2014, §4.2): a square is laid over every place of the image in turn; where the
 * probability of the class falls most, the model looked. Needs no gradients, so it works for any model.
 */
import type { Heatmap } from './heatmap.ts';

export interface OcclusionInput {
  /** [C, H, W] */
  readonly image: Float32Array;
  /** [C, H, W]: what a covered pixel is replaced by. */
  readonly baseline: Float32Array;
  /** [channels, height, width] */
  readonly imageDims: readonly [number, number, number];
  /** How many images `score` takes at a time. */
  readonly batch: number;
  /** Probability of the class for each of `batch` images [batch, C, H, W]. @returns [batch] */
  score(images: Float32Array): Promise<ArrayLike<number>>;
  /** Side of the square in pixels. Default: a seventh of the shorter side. */
  readonly patch?: number;
  /** Pixels between two squares. Default: a third of the square. */
  readonly stride?: number;
}

/** Starts of squares along one axis, the last one flush with the border. */
function starts(side: number, patch: number, stride: number): number[] {
  const last = Math.max(0, side - patch);
  const all = Array.from({ length: Math.ceil(last / stride) }, (_, i) => i * stride);
  return [...all, last];
}

function cover(
  out: Float32Array,
  input: OcclusionInput,
  at: { row: number; column: number; patch: number },
): void {
  const [channels, height, width] = input.imageDims;
  out.set(input.image);
  for (let channel = 0; channel < channels; channel++)
    for (let row = at.row; row < Math.min(height, at.row + at.patch); row++) {
      const from = (channel * height + row) * width + at.column;
      const to = from + Math.min(at.patch, width - at.column);
      out.set(input.baseline.subarray(from, to), from);
    }
}

/** Of every pixel, the mean fall of the probability over the squares that cover it. */
export async function occlusionMap(input: OcclusionInput): Promise<Heatmap> {
  const { image, imageDims, batch } = input;
  const [, height, width] = imageDims;
  const patch = input.patch ?? Math.max(1, Math.round(Math.min(height, width) / 7));
  const stride = input.stride ?? Math.max(1, Math.floor(patch / 3));
  const places = starts(height, patch, stride).flatMap((row) =>
    starts(width, patch, stride).map((column) => ({ row, column, patch })),
  );
  const images = new Float32Array(batch * image.length);
  images.set(image);
  const whole = (await input.score(images))[0] ?? 0;
  const falls = new Float64Array(height * width);
  const squares = new Uint32Array(height * width);
  for (let first = 0; first < places.length; first += batch) {
    const part = places.slice(first, first + batch);
    part.forEach((place, k) => {
      cover(images.subarray(k * image.length, (k + 1) * image.length), input, place);
    });
    const scores = await input.score(images);
    part.forEach(({ row, column }, k) => {
      for (let y = row; y < Math.min(height, row + patch); y++)
        for (let x = column; x < Math.min(width, column + patch); x++) {
          falls[y * width + x] = (falls[y * width + x] ?? 0) + whole - (scores[k] ?? 0);
          squares[y * width + x] = (squares[y * width + x] ?? 0) + 1;
        }
    });
  }
  return {
    height,
    width,
    values: Float32Array.from(falls, (fall, i) => fall / Math.max(1, squares[i] ?? 1)),
  };
}
