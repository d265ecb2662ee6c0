import fc from 'fast-check';
import { combine } from 'shamir-secret-sharing';
import { describe, expect, it } from 'vitest';
import { createRng, deriveSeed } from '../../../shared/rng.ts';
import { divide, evaluate, lagrangeThrough, multiply, solve } from '../../../shared/secagg/gf256.ts';
import { decodePolynomial } from '../../../shared/secagg/share-errors.ts';
import { joinShares, joinVerified, SHARE_BYTES, splitSecret } from '../../../shared/secagg/shares.ts';

const secret = Uint8Array.from({ length: 32 }, (_, i) => 7 * i + 1);
const isRight = (candidate: Uint8Array): boolean => candidate.every((byte, i) => byte === secret[i]);

/** Changes one byte of the values of some shares. */
function spoil(shares: readonly Uint8Array[], bad: readonly number[], byte: number): Uint8Array[] {
  return shares.map((share, i) => {
    const copy = share.slice();
    if (bad.includes(i)) copy[byte] = (copy[byte] ?? 0) ^ (i + 1);
    return copy;
  });
}

/** Puts other values into some shares. */
const replace = (shares: readonly Uint8Array[], bad: readonly number[]): Uint8Array[] =>
  shares.map((share, i) =>
    bad.includes(i) ? share.map((value, k) => (k < 32 ? 31 * i + 7 * k : value)) : share,
  );

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

  it('solves linear systems and says when there is no solution', () => {
    // x + 2y = 3·1 ⊕ 2·5, x + y = 3 ⊕ 5 in the field, with x = 3 and y = 5.
    const rows = [Uint8Array.of(1, 2, 3 ^ multiply(2, 5)), Uint8Array.of(1, 1, 3 ^ 5)];
    expect(solve(rows, 2)).toEqual(Uint8Array.of(3, 5));
    expect(solve([Uint8Array.of(0, 1, 4), Uint8Array.of(2, 0, 2)], 2)).toEqual(Uint8Array.of(1, 4));
    expect(solve([Uint8Array.of(1, 1), Uint8Array.of(1, 2)], 1)).toBeUndefined();
  });

  it('decodes a polynomial from values of which half the surplus is wrong, and from no more', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 8 }),
        fc.integer({ min: 0, max: 10 }),
        fc.nat(),
        (threshold, surplus, seed) => {
          const rng = createRng(deriveSeed('decode', seed));
          const coefficients = Uint8Array.from({ length: threshold }, () => rng.integer(256));
          const xs = rng.shuffle(Array.from({ length: 255 }, (_, i) => i + 1)).slice(0, threshold + surplus);
          const errors = Math.floor(surplus / 2);
          const points = xs.map((x, i) => ({
            x,
            y: evaluate(coefficients, x) ^ (i < errors ? 1 + rng.integer(255) : 0),
          }));
          expect(decodePolynomial(points, threshold)).toEqual(coefficients);
        },
      ),
    );
    expect(decodePolynomial([{ x: 1, y: 2 }], 2)).toBeUndefined();
    // A line through three points, one of them beside it: nothing tells which.
    const beside = [1, 2, 3].map((x) => ({ x, y: x === 3 ? 9 : x }));
    expect(decodePolynomial(beside, 2)).toBeUndefined();
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

describe('joining with wrong shares', () => {
  it('names every wrong share, for all sets of them that leave the threshold, n = 6, t = 3', async () => {
    const shares = await splitSecret(secret, 6, 3);
    for (let mask = 0; mask < 64; mask++) {
      const bad = [0, 1, 2, 3, 4, 5].filter((i) => mask & (1 << i));
      const joined = await joinVerified(replace(shares, bad), 3, isRight);
      if (bad.length <= 3) expect(joined, String(mask)).toEqual({ secret, bad });
      else expect(joined, String(mask)).toBeUndefined();
    }
  });

  it.each([0, 1, 5, 16])('finds %d wrong shares of 100 with threshold 67', async (count) => {
    const shares = await splitSecret(secret, 100, 67);
    const order = createRng(deriveSeed('wrong', count)).shuffle(Array.from({ length: 100 }, (_, i) => i));
    const bad = order.slice(0, count).sort((a, b) => a - b);
    let spoiled: readonly Uint8Array[] = shares;
    // Not all in the same byte: the first byte alone does not tell all of them.
    for (const i of bad) spoiled = spoil(spoiled, [i], i % 3);
    expect(await joinVerified(spoiled, 67, isRight)).toEqual({ secret, bad });
  });

  it('counts malformed, repeated and too short shares among the wrong', async () => {
    const shares = await splitSecret(secret, 7, 4);
    const [first, second] = shares;
    if (!first || !second) throw new Error('shares');
    const forged = first.slice();
    forged[3] = (forged[3] ?? 0) ^ 1;
    const zero = Uint8Array.of(...second.subarray(0, 32), 0);
    const given = [forged, zero, second.subarray(0, 20), ...shares];
    expect(await joinVerified(given, 4, isRight)).toEqual({ secret, bad: [0, 1, 2] });
  });

  it('does not blame the honest when wrong shares happen to give the right secret', async () => {
    // Shares 0 and 1 are moved so that their errors cancel at 0.
    const shares = await splitSecret(secret, 6, 3);
    const xs = Uint8Array.from(shares.slice(0, 3), (share) => share[32] ?? 0);
    const [w0 = 0, w1 = 0] = lagrangeThrough(xs)(0);
    const forged = shares.map((share) => share.slice());
    const [first, second] = forged;
    if (!first || !second) throw new Error('shares');
    first[5] = (first[5] ?? 0) ^ 1;
    second[5] = (second[5] ?? 0) ^ divide(w0, w1);
    expect(await joinShares(forged.slice(0, 3))).toEqual(secret);
    expect(await joinVerified(forged, 3, isRight)).toEqual({ secret, bad: [0, 1] });
  });

  it('gives nothing for too few shares or a dealer who shared something else', async () => {
    const shares = await splitSecret(secret, 5, 4);
    expect(await joinVerified(shares.slice(0, 3), 4, isRight)).toBeUndefined();
    expect(await joinVerified(shares, 4, () => false)).toBeUndefined();
    const many = await splitSecret(secret, 60, 41);
    expect(await joinVerified(many, 41, () => false)).toBeUndefined();
  });
});
