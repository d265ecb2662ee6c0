/**
 * Spreads a vector evenly over its coordinates before it is rounded to few steps: random signs, then Hadamard transforms
 * of blocks (Suresh et al. 2017, "Distributed Mean Estimation with Limited Communication", ICML, §3). Afterwards a
 * coordinate is close to normal with standard deviation ‖x‖/√d, however uneven the layers are.
 *
 * A block takes every m-th coordinate, so that each holds a share of every layer. The transform is orthonormal and the
 * same for all sites of a round; the sum of flattened vectors is the flattened sum.
 */
import { InvariantError } from '../errors.ts';
import { createRng, type Seed } from '../rng.ts';

/** Longer blocks flatten no better and cost more padding. */
const MAX_BLOCK = 4096;
/** Padding adds at most this fraction of the vector. */
const MAX_PADDING = 1 / 32;

/** A power of two, at most 4096 and at most one 32nd of the vector. */
function blockLength(length: number): number {
  let block = 1;
  while (2 * block <= Math.min(MAX_BLOCK, length * MAX_PADDING)) block *= 2;
  return block;
}

/** Coordinates of the flattened vector of `length` coordinates. */
export function flattenedLength(length: number): number {
  const block = blockLength(length);
  return Math.ceil(length / block) * block;
}

/** ±1 by the bits of the generator. */
function signsOf(seed: Seed, length: number): Int8Array {
  const rng = createRng(seed);
  const signs = new Int8Array(length);
  let word = 0;
  for (let i = 0; i < length; i++) {
    if (i % 32 === 0) word = rng.uint32();
    signs[i] = word & 1 ? 1 : -1;
    word >>>= 1;
  }
  return signs;
}

/** The unnormalised Walsh–Hadamard transform of one block, in place; twice gives `length` times the input. */
function hadamard(values: Float64Array, start: number, length: number): void {
  for (let half = 1; half < length; half *= 2)
    for (let group = start; group < start + length; group += 2 * half)
      for (let i = group; i < group + half; i++) {
        const a = values[i] ?? 0;
        const b = values[i + half] ?? 0;
        values[i] = a + b;
        values[i + half] = a - b;
      }
}

/** `flattenedLength(values.length)` coordinates, of the same L2 norm. */
export function flatten(values: Float64Array, seed: Seed): Float64Array {
  const block = blockLength(values.length);
  const count = Math.ceil(values.length / block);
  const signs = signsOf(seed, values.length);
  const norm = Math.sqrt(block);
  const out = new Float64Array(count * block);
  for (let b = 0; b < count; b++) {
    for (let i = 0, from = b; from < values.length; i++, from += count)
      out[b * block + i] = ((values[from] ?? 0) * (signs[from] ?? 0)) / norm;
    hadamard(out, b * block, block);
  }
  return out;
}

/** The inverse: `length` coordinates. Overwrites its argument. @throws InvariantError for another length than `flatten` gives */
export function unflatten(flattened: Float64Array, length: number, seed: Seed): Float64Array {
  if (flattened.length !== flattenedLength(length))
    throw new InvariantError(
      `a vector of ${String(flattened.length)} is no flattened one of ${String(length)}`,
    );
  const block = blockLength(length);
  const count = Math.ceil(length / block);
  const signs = signsOf(seed, length);
  const norm = Math.sqrt(block);
  const out = new Float64Array(length);
  for (let b = 0; b < count; b++) {
    hadamard(flattened, b * block, block);
    for (let i = 0, to = b; to < length; i++, to += count)
      out[to] = ((flattened[b * block + i] ?? 0) * (signs[to] ?? 0)) / norm;
  }
  return out;
}
