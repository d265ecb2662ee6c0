import fc from 'fast-check';
import { combine } from 'shamir-secret-sharing';
import { describe, expect, it } from 'vitest';
import { createRng, deriveSeed } from '../../../shared/rng.ts';
import { divide, multiply } from '../../../shared/secagg/gf256.ts';
import { joinShares, SHARE_BYTES, splitSecret } from '../../../shared/secagg/shares.ts';

const secret = Uint8Array.from({ length: 32 }, (_, i) => 7 * i + 1);

describe('GF(256)', () => {
  it('multiplies as FIPS 197 §4.2: {57}·{83} = {c1}, {57}·{13} = {fe}', () => {
    expect(multiply(0x57, 0x83)).toBe(0xc1);
    expect(multiply(0x57, 0x13)).toBe(0xfe);
  });

  it('multiplies as carry-less multiplication and reduction do, for all pairs', () => {
    const slow = (a: number, b: number): number => {
      let product = 0;
      for (let bit = 7; bit >= 0; bit--) {
        product = (product << 1) ^ (product & 0x80 ? 0x11b : 0);
        if (b & (1 << bit)) product ^= a;
      }
      return product;
    };
    for (let a = 0; a < 256; a++)
      for (let b = 0; b < 256; b++)
        if (multiply(a, b) !== slow(a, b)) expect.fail(`${String(a)} times ${String(b)}`);
    for (let a = 1; a < 256; a++) expect(multiply(a, divide(1, a))).toBe(1);
    expect(() => divide(1, 0)).toThrow('division by zero');
  });
});

describe('sharing', () => {
  it('gives the secret to any threshold of shares, and to the audited package alike', async () => {
    const shares = await splitSecret(secret, 6, 4);
    expect(shares.map((share) => share.length)).toEqual(Array.from({ length: 6 }, () => SHARE_BYTES));
    for (const [a, b] of [
      [0, 1],
      [2, 5],
      [4, 5],
    ] as const) {
      const four = shares.filter((_, i) => i !== a && i !== b);
      expect(await joinShares(four)).toEqual(secret);
      expect(await combine(four)).toEqual(secret);
    }
    expect(await joinShares(shares)).toEqual(secret);
    expect(await joinShares(shares.slice(0, 3))).not.toEqual(secret);
  });

  it('joins as the audited package does, whatever the shares hold', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.integer({ min: 1, max: 255 }), { minLength: 2, maxLength: 10 }),
        fc.nat(),
        async (xs, seed) => {
          const rng = createRng(deriveSeed('join', seed));
          const shares = xs.map((x) =>
            Uint8Array.from({ length: SHARE_BYTES }, (_, i) => (i === 32 ? x : rng.integer(256))),
          );
          expect(await joinShares(shares)).toEqual(await combine(shares));
        },
      ),
      { numRuns: 40 },
    );
  });

  it('works at the edges: 2 of 2 and 255 of 255', async () => {
    expect(await joinShares(await splitSecret(secret, 2, 2))).toEqual(secret);
    const shares = await splitSecret(secret, 255, 255);
    expect(await joinShares(shares)).toEqual(secret);
    expect(await joinShares(shares.slice(1))).not.toEqual(secret);
  });

  it('takes a Buffer, leaves it alone, and gives other shares every time', async () => {
    const buffer = Buffer.from(secret);
    const [first, second] = await Promise.all([splitSecret(buffer, 3, 2), splitSecret(buffer, 3, 2)]);
    expect(first).not.toEqual(second);
    expect(Uint8Array.from(buffer)).toEqual(secret);
  });

  it('refuses impossible thresholds, secrets of another length and shares that cannot be joined', async () => {
    for (const [n, t] of [
      [256, 3],
      [5, 6],
      [5, 1],
      [2.5, 2],
    ] as const)
      await expect(splitSecret(secret, n, t), `${String(t)} of ${String(n)}`).rejects.toThrow('no threshold');
    await expect(splitSecret(new Uint8Array(31), 3, 2)).rejects.toThrow('has 31 bytes');
    const [a, b] = await splitSecret(secret, 2, 2);
    if (!a || !b) throw new Error('two shares');
    for (const shares of [[a], [a, a], [a, b.subarray(1)], [a, Uint8Array.of(...b.subarray(0, 32), 0)]])
      await expect(joinShares(shares)).rejects.toThrow('joining takes');
  });
});
