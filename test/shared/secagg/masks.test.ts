import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { aesCtrStream } from '../../../shared/crypto/mask-stream.ts';
import { siteIdSchema, type SiteId } from '../../../shared/ids.ts';
import { createRng, deriveSeed } from '../../../shared/rng.ts';
import {
  applyMasks,
  maskSign,
  pairMaskSeed,
  removeMasks,
  selfMask,
  wipeSeeds,
  type SignedSeed,
} from '../../../shared/secagg/masks.ts';
import {
  addInto,
  newRingVector,
  RING_BITS,
  type RingBits,
  type RingVector,
} from '../../../shared/secagg/ring.ts';

const site = (i: number): SiteId => siteIdSchema.parse(`site-${String(i)}`);
const fill = (byte: number, length = 32): Uint8Array => new Uint8Array(length).fill(byte);

/** The masks of a round with known secrets: what every site would derive. */
function roundOf(n: number) {
  const [context, advertisements] = [fill(1, 64), fill(2, 64)];
  const pair = (u: number, v: number): SignedSeed => ({
    seed: pairMaskSeed(fill(10 + Math.min(u, v) * 16 + Math.max(u, v)), context, advertisements),
    sign: maskSign(site(u), site(v)),
  });
  const others = (u: number) => Array.from({ length: n }, (_, v) => v).filter((v) => v !== u);
  return {
    pair,
    self: (u: number) => selfMask(fill(100 + u)),
    masksOf: (u: number) => ({
      self: selfMask(fill(100 + u)),
      peers: others(u).map((v) => pair(u, v)),
    }),
  };
}

/** Modular sums by big integers over the whole stream at once. */
function reference(values: RingVector, masks: readonly SignedSeed[], bits: RingBits): bigint[] {
  const modulus = 2n ** BigInt(bits);
  const width = bits / 8;
  const sums = Array.from(values, BigInt);
  for (const { seed, sign } of masks) {
    const stream = aesCtrStream(seed, new Uint8Array(16)).next(values.length * width);
    sums.forEach((sum, i) => {
      let word = 0n;
      for (let b = width - 1; b >= 0; b--) word = (word << 8n) | BigInt(stream[i * width + b] ?? 0);
      sums[i] = (((sum + BigInt(sign) * word) % modulus) + modulus) % modulus;
    });
  }
  return sums;
}

describe('masks', () => {
  it.each(RING_BITS)('add the streams modulo 2^%d as big integers do', (bits) => {
    const round = roundOf(5);
    const vector = newRingVector(bits, 37);
    vector.set(vector.map((_, i) => 7 * i));
    const { self, peers } = round.masksOf(2);
    const expected = reference(vector, [{ seed: self, sign: 1 }, ...peers], bits);
    applyMasks(vector, { self, peers });
    expect(Array.from(vector, BigInt)).toEqual(expected);
  });

  it.each(RING_BITS)('leave the exact sum of the survivors in %d bits, whoever drops', (bits) => {
    const n = 6;
    const round = roundOf(n);
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat({ max: n - 1 }), { maxLength: 2 }), fc.nat(), (dropped, seed) => {
        const rng = createRng(deriveSeed('masks', seed));
        const plain = Array.from({ length: n }, () =>
          newRingVector(bits, 50).map(() => rng.uint32() % 2 ** bits),
        );
        const survivors = plain.map((_, u) => u).filter((u) => !dropped.includes(u));
        const [sum, expected] = [newRingVector(bits, 50), newRingVector(bits, 50)];
        for (const u of survivors) {
          const vector = (plain[u] ?? newRingVector(bits, 50)).slice();
          addInto(expected, vector);
          applyMasks(vector, round.masksOf(u));
          addInto(sum, vector);
        }
        removeMasks(sum, {
          selves: survivors.map((u) => round.self(u)),
          pairs: survivors.flatMap((u) => dropped.map((v) => round.pair(u, v))),
        });
        expect(sum).toEqual(expected);
      }),
      { numRuns: 25 },
    );
  });

  it('cover vectors longer than a piece and more masks than are open at a time', () => {
    const length = 20_000;
    const masks = Array.from({ length: 40 }, (_, i): SignedSeed => ({ seed: fill(i), sign: i % 3 ? 1 : -1 }));
    const vector = newRingVector(32, length);
    applyMasks(vector, { self: fill(200), peers: masks });
    removeMasks(vector, { selves: [fill(200)], pairs: masks });
    expect(vector.every((value) => value === 0)).toBe(true);
    // The last element, past the first piece, by a stream that starts just there.
    applyMasks(vector, { self: fill(200), peers: [] });
    const word = aesCtrStream(fill(200), Uint8Array.of(...fill(0, 14), 0x13, 0x87)).next(16);
    expect(vector.at(-1)).toBe(new DataView(word.buffer).getUint32(12, true));
  });

  it('do not cancel for sites with different contexts or advertisements', () => {
    const secret = fill(9);
    const seeds = [
      pairMaskSeed(secret, fill(1, 64), fill(2, 64)),
      pairMaskSeed(secret, fill(3, 64), fill(2, 64)),
      pairMaskSeed(secret, fill(1, 64), fill(4, 64)),
      selfMask(secret),
    ].map((seed) => seed.join());
    expect(new Set(seeds).size).toBe(4);
  });

  it('carry opposite signs on the two sides of a pair', () => {
    expect(maskSign(site(1), site(2))).toBe(1);
    expect(maskSign(site(2), site(1))).toBe(-1);
    // By code units, as on every machine: "site-10" stands before "site-9".
    expect(maskSign(site(10), site(9))).toBe(1);
  });

  it('refuse secrets and hashes of another length, and can be wiped', () => {
    expect(() => selfMask(new Uint8Array(31))).toThrow('secret of the own mask has 31 bytes');
    expect(() => pairMaskSeed(fill(1), fill(1, 32), fill(1, 64))).toThrow('context has 32 bytes');
    expect(() => pairMaskSeed(fill(1), fill(1, 64), fill(1, 63))).toThrow('advertisements has 63 bytes');
    const seed = fill(1);
    wipeSeeds([{ seed, sign: 1 }]);
    expect(seed).toEqual(new Uint8Array(32));
  });
});
