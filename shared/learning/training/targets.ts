/** Targets as the loss in the training graph takes them. */
import { InvariantError } from '../../errors.ts';

/**
 * One-hot rows [labels.length, classCount], written into `out` where it is given.
 * @throws InvariantError when a label is out of range or `out` has another size.
 */
export function oneHot(
  labels: ArrayLike<number>,
  classCount: number,
  out = new Float32Array(labels.length * classCount),
): Float32Array {
  if (out.length !== labels.length * classCount)
    throw new InvariantError('one-hot targets do not fit the labels');
  out.fill(0);
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i] ?? -1;
    if (!(label >= 0 && label < classCount))
      throw new InvariantError(`label ${String(label)} is not in 0…${String(classCount - 1)}`);
    out[i * classCount + label] = 1;
  }
  return out;
}
