/**
 * Real values as integers of a ring, and back. The values of up to `cohort` sites, each of at most `bound` in magnitude, add
 * up without leaving the ring: cohort · bound ≤ 2^(bits−1) − 1. Rounding is stochastic and unbiased: v becomes ⌈v⌉ with
 * probability v − ⌊v⌋ (QSGD: Alistarh et al. 2017, NeurIPS, §3).
 *
 * In the 32-bit ring a coordinate may be as large as the clip C itself. In the narrow rings that would waste nearly all
 * of the few steps, because a vector of norm C has coordinates of about C/√d: there the vector is flattened first
 * (flatten.ts) and a coordinate ranges over ±4·C/√d.
 */
import { InputError, InvariantError } from '../errors.ts';
import type { Rng } from '../rng.ts';
import type { RingBits, RingVector } from './ring.ts';

export interface Quantiser {
  readonly bits: RingBits;
  /** Most sites whose vectors are added. */
  readonly cohort: number;
  /** L2 norm that every site's vector keeps to. */
  readonly clip: number;
  /** Largest magnitude of a coordinate; `clip` in the 32-bit ring. */
  readonly range: number;
  /** Largest magnitude of a quantised coordinate. */
  readonly bound: number;
  /** Steps per unit: bound / range. */
  readonly scale: number;
}

export interface QuantiserOptions {
  readonly bits: RingBits;
  readonly cohort: number;
  readonly clip: number;
  /** Coordinates of the flattened vector; needed in the narrow rings only. */
  readonly length?: number;
}

/**
 * Fewest steps to each side of zero. The rounding error of the mean of K sites, relative to C, is 4 / (bound · √(6K)): at
 * 4 steps it is below 8 % for every K ≥ 31, which is where the 8-bit ring arrives at 4. Below that the noise of one
 * site passes its signal, and as sites weigh less than 1 the mean's does so as well.
 */
export const SMALLEST_BOUND = 4;

/**
 * Standard deviations of a flattened coordinate that fit the range. One in 16,000 lies outside and is clipped; a wider range
 * would coarsen all others.
 */
const RANGE_DEVIATIONS = 4;

/** Relative excess over the range that rounding in floating point explains. */
const ROUNDING_TOLERANCE = 1e-6;

/** @throws InputError naming the setting that cannot be used, and what to do. */
export function quantiserFor({ bits, cohort, clip, length }: QuantiserOptions): Quantiser {
  if (!Number.isInteger(cohort) || cohort < 1)
    throw new InputError(`the cohort has ${String(cohort)} sites; expected a whole number of at least 1`);
  if (!Number.isFinite(clip) || clip <= 0)
    throw new InputError(`the clip norm is ${String(clip)}; expected a positive number`);
  const bound = Math.floor((2 ** (bits - 1) - 1) / cohort);
  if (bound < SMALLEST_BOUND)
    throw new InputError(
      `a ring of ${String(bits)} bits leaves ${String(bound)} steps to each of ${String(cohort)} sites, ` +
        `fewer than ${String(SMALLEST_BOUND)}: use a wider ring or at most ${String(largestCohort(bits))} sites`,
    );
  const range = bits === 32 ? clip : narrowRange(clip, length);
  return { bits, cohort, clip, range, bound, scale: bound / range };
}

/** Most sites whose sum a ring holds with enough steps for each. */
export function largestCohort(bits: RingBits): number {
  return Math.floor((2 ** (bits - 1) - 1) / SMALLEST_BOUND);
}

function narrowRange(clip: number, length: number | undefined): number {
  if (length === undefined || !Number.isInteger(length) || length < 1)
    throw new InvariantError('a ring of 8 or 16 bits needs the length of the flattened vector');
  return Math.min(clip, (RANGE_DEVIATIONS * clip) / Math.sqrt(length));
}

export interface Clipped {
  /** In double precision, of L2 norm ≤ clip but for rounding. */
  readonly vector: Float64Array;
  /** L2 norm before. */
  readonly norm: number;
}

/** Scales a vector down to the norm, never up. @throws InvariantError for values that are not finite. */
export function clipToNorm(delta: Float32Array | Float64Array, clip: number): Clipped {
  let squares = 0;
  for (let i = 0; i < delta.length; i++) squares += (delta[i] ?? 0) ** 2;
  const norm = Math.sqrt(squares);
  if (!Number.isFinite(norm))
    throw new InvariantError('an update holds values that are not finite; the training has diverged');
  const vector = new Float64Array(delta);
  if (norm > clip) {
    const factor = clip / norm;
    for (let i = 0; i < vector.length; i++) vector[i] = (vector[i] ?? 0) * factor;
  }
  return { vector, norm };
}

/**
 * Writes the rounded values to the start of `out` and returns how many were clipped to the range, which happens in the
 * narrow rings only.
 * @throws InvariantError for a value that is not finite or, in the 32-bit ring, above the range.
 */
export function quantise(
  values: Float32Array | Float64Array,
  quantiser: Quantiser,
  rng: Rng,
  out: RingVector,
): number {
  const { bound, range, scale } = quantiser;
  if (out.length < values.length) throw new InvariantError('the ring vector is shorter than the values');
  const largest = quantiser.bits === 32 ? range * (1 + ROUNDING_TOLERANCE) : Infinity;
  let clipped = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? 0;
    // The negation also catches what is not a number.
    if (!(Math.abs(value) <= largest) || value === Infinity || value === -Infinity)
      throw new InvariantError(`coordinate ${String(i)} of the update is outside the clip range`);
    let steps = value * scale;
    if (steps > bound || steps < -bound) {
      steps = steps > 0 ? bound : -bound;
      clipped++;
    }
    const below = Math.floor(steps);
    // Drawn for every coordinate, so that one value does not move the stream of the next.
    const rounded = rng.uniform() < steps - below ? below + 1 : below;
    if (rounded > bound || rounded < -bound)
      throw new InvariantError(
        `coordinate ${String(i)} has ${String(rounded)} steps; the bound is ${String(bound)}`,
      );
    out[i] = rounded;
  }
  return clipped;
}

/** The sum of the sites' values from the sum of their steps: the ring's elements read as signed numbers. */
export function dequantiseSum(sum: RingVector, quantiser: Quantiser): Float64Array {
  const signed = signedElements(sum);
  const out = new Float64Array(sum.length);
  for (let i = 0; i < out.length; i++) out[i] = (signed[i] ?? 0) / quantiser.scale;
  return out;
}

/** The same memory, read as signed numbers. */
export function signedElements(vector: RingVector): Int32Array | Int16Array | Int8Array {
  const { buffer, byteOffset, length } = vector;
  if (vector instanceof Uint32Array) return new Int32Array(buffer, byteOffset, length);
  if (vector instanceof Uint16Array) return new Int16Array(buffer, byteOffset, length);
  return new Int8Array(buffer, byteOffset, length);
}

/** The weight of a site in the sum: its examples up to the cap, over the cap. In 0…1. @throws InvariantError for other counts. */
export function exampleWeight(exampleCount: number, exampleCap: number): number {
  if (!Number.isInteger(exampleCount) || exampleCount < 0 || !Number.isInteger(exampleCap) || exampleCap < 1)
    throw new InvariantError(
      `${String(exampleCount)} examples with a cap of ${String(exampleCap)} have no weight`,
    );
  return Math.min(exampleCount, exampleCap) / exampleCap;
}
