import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes, fromHex, toHex } from '../../../shared/crypto/bytes.ts';
import { aesCtrStream, MASK_PIECE_BYTES, maskStream } from '../../../shared/crypto/mask-stream.ts';
import vectors from '../../vectors/crypto/vectors.json' with { type: 'json' };

const { aesCtr, aesOfCounters } = vectors;

describe('the mask generator', () => {
  it('is AES-256 in counter mode: the vector of NIST SP 800-38A, F.5.5', () => {
    const plaintext = fromHex(aesCtr.plaintext);
    const stream = aesCtrStream(fromHex(aesCtr.key), fromHex(aesCtr.counter)).next(plaintext.length);
    expect(toHex(plaintext.map((byte, i) => byte ^ (stream[i] ?? 0)))).toBe(aesCtr.ciphertext);
  });

  it('counts from zero: the published blocks under the zero key', () => {
    expect(toHex(maskStream(new Uint8Array(32)).next(48))).toBe(aesOfCounters.blocks.join(''));
  });

  it('can start at any block, also beyond 2³² of them', () => {
    const seed = Uint8Array.from({ length: 32 }, (_, i) => i);
    const whole = maskStream(seed).next(4096);
    expect(maskStream(seed, 1024).next(3072)).toEqual(whole.slice(1024));
    const far = 16 * 2 ** 33;
    const counter = fromHex('00000000000000000000000200000000');
    expect(maskStream(seed, far).next(32)).toEqual(aesCtrStream(seed, counter).next(32));
  });

  it('gives the same bytes in pieces of any lengths', () => {
    const seed = new Uint8Array(32).fill(3);
    const whole = maskStream(seed).next(2000);
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 500 }), { minLength: 1, maxLength: 4 }), (lengths) => {
        const stream = maskStream(seed);
        const pieces = concatBytes(...lengths.map((length) => stream.next(length)));
        expect(pieces).toEqual(whole.slice(0, pieces.length));
      }),
      { numRuns: 50 },
    );
  });

  it('refuses seeds of another length, starts inside a block and pieces that are too long', () => {
    expect(() => maskStream(new Uint8Array(16))).toThrow('mask seed has 16 bytes; expected 32');
    expect(() => maskStream(new Uint8Array(32), 8)).toThrow('multiple of 16');
    expect(() => maskStream(new Uint8Array(32), -16)).toThrow('multiple of 16');
    expect(() => maskStream(new Uint8Array(32)).next(MASK_PIECE_BYTES + 1)).toThrow('at most 65536 bytes');
  });
});
