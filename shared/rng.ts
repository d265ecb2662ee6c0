/**
 * Seeded randomness. Every random number of a run comes from `createRng(deriveSeed(...))`, so that a seed
 * and a purpose name the same stream on every machine. Not for keys: those come from the operating system.
 *
 * Generator: xoshiro128** 1.1 (Blackman, Vigna 2018, "Scrambled Linear Pseudorandom Number Generators").
 */
import { createHash, randomBytes } from 'node:crypto';

export interface Rng {
  /** Next 32 random bits as an unsigned integer. */
  uint32(): number;
  /** Uniform in [0, 1), 32 bits of resolution. */
  uniform(): number;
  /** Uniform integer in [0, bound), without modulo bias. `bound` in 1…2³². */
  integer(bound: number): number;
  /** Standard normal (polar Box–Muller). */
  normal(): number;
  /** Fisher–Yates, in place; returns its argument. */
  shuffle<T extends unknown[] | Int32Array | Uint32Array>(values: T): T;
}

/** 128-bit seed as four unsigned 32-bit words. */
export type Seed = readonly [number, number, number, number];

/** Domain-separated seed of a purpose: the first 128 bits of SHA-512 over the length-prefixed parts. */
export function deriveSeed(...parts: readonly (string | number)[]): Seed {
  const hash = createHash('sha512');
  for (const part of parts) {
    const text = `${typeof part === 'number' ? 'n' : 's'}${String(part)}`;
    hash.update(`${String(Buffer.byteLength(text))}:`).update(text);
  }
  const digest = hash.digest();
  return [digest.readUInt32LE(0), digest.readUInt32LE(4), digest.readUInt32LE(8), digest.readUInt32LE(12)];
}

const rotateLeft = (value: number, bits: number): number => (value << bits) | (value >>> (32 - bits));

/** A generator at the start of the stream that `seed` names. The all-zero seed is replaced, as the generator cannot leave it. */
export function createRng(seed: Seed): Rng {
  let [a, b, c, d] = seed;
  if ((a | b | c | d) === 0) a = 1;
  let spareNormal: number | undefined;

  const uint32 = (): number => {
    const result = Math.imul(rotateLeft(Math.imul(b, 5), 7), 9) >>> 0;
    const t = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= t;
    d = rotateLeft(d, 11);
    return result;
  };
  const uniform = (): number => uint32() / 0x1_0000_0000;
  const integer = (bound: number): number => {
    const limit = 0x1_0000_0000 - (0x1_0000_0000 % bound);
    for (;;) {
      const value = uint32();
      if (value < limit) return value % bound;
    }
  };
  const normal = (): number => {
    if (spareNormal !== undefined) {
      const value = spareNormal;
      spareNormal = undefined;
      return value;
    }
    for (;;) {
      const x = 2 * uniform() - 1;
      const y = 2 * uniform() - 1;
      const s = x * x + y * y;
      if (s === 0 || s >= 1) continue;
      const factor = Math.sqrt((-2 * Math.log(s)) / s);
      spareNormal = y * factor;
      return x * factor;
    }
  };
  const shuffle = <T extends unknown[] | Int32Array | Uint32Array>(values: T): T => {
    for (let i = values.length - 1; i > 0; i--) {
      const j = integer(i + 1);
      const held = values[i];
      values[i] = values[j];
      values[j] = held;
    }
    return values;
  };
  return { uint32, uniform, integer, normal, shuffle };
}

/** A fresh seed for a run whose user gave none; printed, so that the run can be repeated. In 0…2³¹−1. */
export function freshSeed(): number {
  return randomBytes(4).readUInt32LE(0) >>> 1;
}
