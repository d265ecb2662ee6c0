/** Preprocessed images with their labels: what training and evaluation take. */
import { DataError } from '../../errors.ts';

export interface LabelledImages {
  /** [count, channels, height, width], row-major, preprocessed. */
  readonly images: Float32Array;
  /** [count], each in 0…classes−1. */
  readonly labels: Int32Array;
  readonly count: number;
  /** [channels, height, width] */
  readonly imageDims: readonly [number, number, number];
}

/** Values of one image. */
export function imageLengthOf(data: Pick<LabelledImages, 'imageDims'>): number {
  const [channels, height, width] = data.imageDims;
  return channels * height * width;
}

/** @throws DataError when the arrays do not fit each other, a label is out of range or there is no image. */
export function checkLabelledImages(data: LabelledImages, classCount: number): void {
  if (data.count < 1) throw new DataError('there is no training image: give the site at least one');
  const expected = data.count * imageLengthOf(data);
  if (data.images.length !== expected)
    throw new DataError(`images hold ${String(data.images.length)} values, expected ${String(expected)}`);
  if (data.labels.length !== data.count)
    throw new DataError(
      `there are ${String(data.labels.length)} labels for ${String(data.count)} images: give one label per image`,
    );
  const wrong = data.labels.findIndex((label) => label < 0 || label >= classCount);
  if (wrong >= 0)
    throw new DataError(
      `label ${String(data.labels[wrong])} of image ${String(wrong)} is not in 0…${String(classCount - 1)}`,
    );
}
