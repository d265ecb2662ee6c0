/** Parts of a dataset. */
import { DataError, InvariantError } from '../errors.ts';
import type { Dataset } from './dataset.ts';

/** The element at `index` of an array that is known to reach so far. @throws InvariantError when it does not. */
export function at<T>(values: ArrayLike<T>, index: number): T {
  const value = values[index];
  if (value === undefined) throw new InvariantError(`index ${String(index)} of ${String(values.length)}`);
  return value;
}

/** A copy that holds the images at `indices` (each in 0…count−1), in that order, with everything that belongs to them. */
export function selectImages(dataset: Dataset, indices: ArrayLike<number>): Dataset {
  const rows = Array.from(indices);
  const size = dataset.height * dataset.width * dataset.channels;
  const pixels =
    dataset.pixels instanceof Uint16Array
      ? new Uint16Array(rows.length * size)
      : new Uint8Array(rows.length * size);
  rows.forEach((row, i) => {
    pixels.set(dataset.pixels.subarray(row * size, (row + 1) * size), i * size);
  });
  const { sites, officialSplit } = dataset;
  return {
    ...dataset,
    count: rows.length,
    pixels,
    labels: Int32Array.from(rows, (row) => at(dataset.labels, row)),
    patients: rows.map((row) => at(dataset.patients, row)),
    ...(sites && { sites: rows.map((row) => at(sites, row)) }),
    ...(officialSplit && { officialSplit: rows.map((row) => at(officialSplit, row)) }),
  };
}

/** Images per class: [classes]. */
export function classCounts(dataset: Dataset, indices?: ArrayLike<number>): number[] {
  const counts = dataset.classNames.map(() => 0);
  const labels = indices === undefined ? dataset.labels : Array.from(indices, (i) => at(dataset.labels, i));
  for (const label of labels) counts[label] = (counts[label] ?? 0) + 1;
  return counts;
}

/** Refuses a dataset in which a class has no image: nothing can be learnt about it. @throws DataError naming the classes. */
export function assertNoEmptyClass(dataset: Dataset): void {
  const counts = classCounts(dataset);
  const empty = dataset.classNames.filter((_, label) => counts[label] === 0);
  if (empty.length > 0)
    throw new DataError(
      `${dataset.name}: no usable image of class ${empty.map((name) => `"${name}"`).join(', ')}; add images or remove the class`,
    );
}
