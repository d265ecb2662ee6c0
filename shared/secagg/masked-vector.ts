/**
 * What a site contributes to the masked sum: its weighted, clipped delta in the ring, then its counters. The layout is the
 * same for all sites of a round, follows from the plan and the cohort, and is bound into the round's context.
 */
import { InvariantError } from '../errors.ts';
import type { Rng, Seed } from '../rng.ts';
import { counterLimbs, packCounter, unpackCounter } from './counters.ts';
import { flatten, flattenedLength, unflatten } from './flatten.ts';
import { clipToNorm, dequantiseSum, quantise, quantiserFor, type Quantiser } from './quantiser.ts';
import { newRingVector, type RingBits, type RingVector } from './ring.ts';

export interface VectorSettings {
  readonly bits: RingBits;
  /** Sites that may add up, K. */
  readonly cohort: number;
  /** C. */
  readonly clipL2Norm: number;
  readonly parameterCount: number;
  readonly counterCount: number;
}

export interface VectorLayout extends VectorSettings {
  readonly quantiser: Quantiser;
  /** Elements that carry the delta, padding included. */
  readonly deltaLength: number;
  /** Elements in all, d. */
  readonly length: number;
}

/** @throws InputError where the ring has no room for the cohort */
export function vectorLayout(settings: VectorSettings): VectorLayout {
  const { bits, cohort, clipL2Norm, parameterCount, counterCount } = settings;
  const deltaLength = bits === 32 ? parameterCount : flattenedLength(parameterCount);
  const quantiser = quantiserFor({ bits, cohort, clip: clipL2Norm, length: deltaLength });
  const length = deltaLength + counterCount * counterLimbs(bits, cohort);
  return { ...settings, quantiser, deltaLength, length };
}

const placeOf = ({ bits, cohort, deltaLength }: VectorLayout, counter: number) => ({
  ...{ bits, cohort },
  offset: deltaLength + counter * counterLimbs(bits, cohort),
});

export interface Contribution {
  /** As trained: neither weighted nor clipped. */
  readonly delta: Float32Array | Float64Array;
  /** `exampleWeight`, 0…1. */
  readonly weight: number;
  /** Whole numbers in 0…2⁴⁰−1, as many as the layout has. */
  readonly counters: readonly number[];
}

export interface VectorRandomness {
  /** Of the rounding; the site's own for the round. */
  readonly rng: Rng;
  /** Of the flattening; the same for the whole cohort, public. */
  readonly flattening: Seed;
}

/** The site's vector before it is masked. @throws InvariantError where the contribution breaks the layout */
export function encodeContribution(
  contribution: Contribution,
  layout: VectorLayout,
  randomness: VectorRandomness,
): RingVector {
  const { delta, weight, counters } = contribution;
  if (delta.length !== layout.parameterCount || counters.length !== layout.counterCount)
    throw new InvariantError('the contribution has another length than the layout');
  if (!(weight >= 0 && weight <= 1))
    throw new InvariantError(`the weight ${String(weight)} is not in 0 to 1`);
  const out = newRingVector(layout.bits, layout.length);
  const { vector } = clipToNorm(delta, layout.clipL2Norm);
  for (let i = 0; i < vector.length; i++) vector[i] = (vector[i] ?? 0) * weight;
  const values = layout.bits === 32 ? vector : flatten(vector, randomness.flattening);
  quantise(values, layout.quantiser, randomness.rng, out);
  counters.forEach((value, index) => {
    packCounter(value, placeOf(layout, index), out);
  });
  return out;
}

export interface DecodedSum {
  /** Σ wᵢ · clip(deltaᵢ) */
  readonly delta: Float64Array;
  /** Exact sums. */
  readonly counters: readonly number[];
}

/** Reads an unmasked sum. @throws InvariantError for a vector of another layout */
export function decodeSum(sum: RingVector, layout: VectorLayout, flattening: Seed): DecodedSum {
  if (sum.length !== layout.length) throw new InvariantError('the sum has another length than the layout');
  const values = dequantiseSum(sum.subarray(0, layout.deltaLength), layout.quantiser);
  const delta = layout.bits === 32 ? values : unflatten(values, layout.parameterCount, flattening);
  const counters = Array.from({ length: layout.counterCount }, (_, index) =>
    unpackCounter(sum, placeOf(layout, index)),
  );
  return { delta, counters };
}
