import { describe, expect, it } from 'vitest';
import { createRng, deriveSeed } from '../../shared/rng.ts';

/** xoshiro128** 1.1 in 64-bit integers, step by step as published. */
function* reference(seed: readonly number[]): Generator<number> {
  const mask = 0xffff_ffffn;
  const rotate = (x: bigint, k: bigint): bigint => ((x << k) | (x >> (32n - k))) & mask;
  const s = seed.map(BigInt);
  for (;;) {
    yield Number((rotate(((s[1] ?? 0n) * 5n) & mask, 7n) * 9n) & mask);
    const t = ((s[1] ?? 0n) << 9n) & mask;
    s[2] = (s[2] ?? 0n) ^ (s[0] ?? 0n);
    s[3] = (s[3] ?? 0n) ^ (s[1] ?? 0n);
    s[1] = (s[1] ?? 0n) ^ s[2];
    s[0] = (s[0] ?? 0n) ^ s[3];
    s[2] = s[2] ^ t;
    s[3] = rotate(s[3], 11n);
  }
}

describe('rng', () => {
  it('follows xoshiro128** 1.1', () => {
    const rng = createRng([1, 2, 3, 4]);
    const expected = reference([1, 2, 3, 4]);
    for (let i = 0; i < 1000; i++) expect(rng.uint32()).toBe(expected.next().value);
  });

  it('starts with the first values of the seed 1, 2, 3, 4', () => {
    // rotl(2·5, 7)·9 = 11520; then s = (7, 0, 1026, 12288): 0.
    const rng = createRng([1, 2, 3, 4]);
    expect([rng.uint32(), rng.uint32()]).toEqual([11520, 0]);
  });

  it('tells seeds apart by every part and its type', () => {
    const seeds = [
      deriveSeed('a', 1),
      deriveSeed('a', '1'),
      deriveSeed('a1'),
      deriveSeed('a', 2),
      deriveSeed(1, 'a'),
    ];
    expect(new Set(seeds.map(String)).size).toBe(seeds.length);
    expect(deriveSeed('a', 1)).toEqual(deriveSeed('a', 1));
  });

  it('draws integers, uniforms and normals with the moments they should have', () => {
    const rng = createRng(deriveSeed('moments', 1));
    const n = 20000;
    const normals = Array.from({ length: n }, () => rng.normal());
    const mean = normals.reduce((a, b) => a + b, 0) / n;
    const variance = normals.reduce((a, b) => a + (b - mean) ** 2, 0) / n;
    expect(Math.abs(mean)).toBeLessThan(0.03);
    expect(Math.abs(variance - 1)).toBeLessThan(0.05);
    const counts = [0, 0, 0];
    for (let i = 0; i < n; i++) {
      const drawn = rng.integer(3);
      counts[drawn] = (counts[drawn] ?? 0) + 1;
    }
    for (const count of counts) expect(Math.abs(count / n - 1 / 3)).toBeLessThan(0.02);
  });

  it('shuffles in place and loses nothing', () => {
    const values = Int32Array.from({ length: 50 }, (_, i) => i);
    createRng(deriveSeed('shuffle')).shuffle(values);
    expect([...values]).not.toEqual([...values].sort((a, b) => a - b));
    expect([...values].sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i));
  });

  it('escapes the all-zero seed', () => {
    const rng = createRng([0, 0, 0, 0]);
    expect(new Set(Array.from({ length: 20 }, () => rng.uint32())).size).toBeGreaterThan(10);
  });
});
