/**
 * Counts and metrics inside the masked vector: an unsigned integer below 2⁴⁰ as digits so small that the digits of a whole
 * cohort add up without a carry out of their ring element. They are exact in every ring.
 */
import { InvariantError } from '../errors.ts';
import type { RingBits, RingVector } from './ring.ts';

export const COUNTER_BITS = 40;
const COUNTER_LIMIT = 2 ** COUNTER_BITS;
/** Above it a sum of counters would pass 2⁵³ and lose its last bits. */
const MAX_COHORT = 2 ** 13;

/** Bits of one digit: with K summands each digit's sum is at most K·(2^g − 1) < 2^bits. @throws InvariantError where none is left */
function digitBits(bits: RingBits, cohort: number): number {
  const digit = bits - Math.ceil(Math.log2(cohort));
  if (!Number.isInteger(cohort) || cohort < 1 || cohort > MAX_COHORT || digit < 1)
    throw new InvariantError(`a ring of ${String(bits)} bits has no counters for ${String(cohort)} sites`);
  return digit;
}

/** Ring elements that a counter takes. */
export function counterLimbs(bits: RingBits, cohort: number): number {
  return Math.ceil(COUNTER_BITS / digitBits(bits, cohort));
}

export interface CounterPlace {
  readonly bits: RingBits;
  readonly cohort: number;
  /** First element, the least significant digit. */
  readonly offset: number;
}

/** @throws InvariantError unless `value` is a whole number in 0…2⁴⁰−1 */
export function packCounter(value: number, { bits, cohort, offset }: CounterPlace, out: RingVector): void {
  if (!Number.isInteger(value) || value < 0 || value >= COUNTER_LIMIT)
    throw new InvariantError(`a counter holds 0 to 2^40−1, not ${String(value)}`);
  const base = 2 ** digitBits(bits, cohort);
  let rest = value;
  for (let limb = 0; limb < counterLimbs(bits, cohort); limb++) {
    out[offset + limb] = rest % base;
    rest = Math.floor(rest / base);
  }
}

/** The exact sum of up to `cohort` packed counters. */
export function unpackCounter(sum: RingVector, { bits, cohort, offset }: CounterPlace): number {
  const base = 2 ** digitBits(bits, cohort);
  let total = 0;
  for (let limb = counterLimbs(bits, cohort) - 1; limb >= 0; limb--)
    total = total * base + (sum[offset + limb] ?? 0);
  return total;
}

/** A metric of 0 or more as a counter with so many binary places, rounded and held at the largest counter. */
export function toFixedPoint(value: number, fractionBits: number): number {
  if (!(value >= 0))
    throw new InvariantError(`a metric inside the masked vector is 0 or more, not ${String(value)}`);
  return Math.min(Math.round(value * 2 ** fractionBits), COUNTER_LIMIT - 1);
}

export function fromFixedPoint(counter: number, fractionBits: number): number {
  return counter / 2 ** fractionBits;
}
