import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addBytesAt,
  addInto,
  newRingVector,
  RING_BITS,
  ringBitsOf,
  ringByteLength,
  ringFromBytes,
  ringToBytes,
  subtractInto,
  type RingBits,
  type RingVector,
} from '../../../shared/secagg/ring.ts';

function vectorOf(bits: RingBits, values: readonly number[]): RingVector {
  const vector = newRingVector(bits, values.length);
  vector.set(values);
  return vector;
}

const element = fc.bigInt(0n, 2n ** 32n - 1n);
const pairs = fc.array(fc.tuple(element, element), { minLength: 1, maxLength: 20 });

describe('ring vectors', () => {
  it.each(RING_BITS)('add and subtract modulo 2^%d, as big integers do', (bits) => {
    const modulus = 2n ** BigInt(bits);
    fc.assert(
      fc.property(pairs, (drawn) => {
        const a = drawn.map(([x]) => x % modulus);
        const b = drawn.map(([, y]) => y % modulus);
        const sum = vectorOf(bits, a.map(Number));
        const other = vectorOf(bits, b.map(Number));
        addInto(sum, other);
        expect(Array.from(sum, BigInt)).toEqual(a.map((x, i) => (x + (b[i] ?? 0n)) % modulus));
        subtractInto(sum, other);
        expect(Array.from(sum, BigInt)).toEqual(a);
      }),
    );
  });

  it.each(RING_BITS)('wrap round at both ends of %d bits', (bits) => {
    const largest = 2 ** bits - 1;
    const vector = vectorOf(bits, [largest, 0]);
    addInto(vector, vectorOf(bits, [1, 0]));
    subtractInto(vector, vectorOf(bits, [0, 1]));
    expect([...vector]).toEqual([0, largest]);
  });

  it('are little-endian on the wire', () => {
    expect([...ringToBytes(Uint32Array.of(0x01020304))]).toEqual([4, 3, 2, 1]);
    expect([...ringToBytes(Uint16Array.of(0x0102, 3))]).toEqual([2, 1, 3, 0]);
    expect([...ringToBytes(Uint8Array.of(7, 8))]).toEqual([7, 8]);
    expect(ringFromBytes(Uint8Array.of(4, 3, 2, 1), 32, 1)).toEqual(Uint32Array.of(0x01020304));
  });

  it.each(RING_BITS)('come back from their bytes and take no other length (%d bits)', (bits) => {
    const vector = vectorOf(bits, [1, 200, 255]);
    const bytes = ringToBytes(vector);
    expect(bytes).toHaveLength(ringByteLength(bits, 3));
    expect(ringFromBytes(bytes, bits, 3)).toEqual(vector);
    expect(ringFromBytes(bytes, bits, 2)).toBeUndefined();
    expect(ringFromBytes(bytes.subarray(1), bits, 3)).toBeUndefined();
    expect(ringFromBytes(new Uint8Array(bytes.length + 1), bits, 3)).toBeUndefined();
  });

  it('copy: bytes and vector share no memory', () => {
    const vector = Uint16Array.of(5);
    ringToBytes(vector).fill(0);
    expect(vector[0]).toBe(5);
    const bytes = Uint8Array.of(1, 0);
    const read = ringFromBytes(bytes, 16, 1);
    bytes.fill(0);
    expect(read?.[0]).toBe(1);
  });

  it.each(RING_BITS)('take bytes piece by piece, wherever those lie in memory (%d bits)', (bits) => {
    const vector = vectorOf(bits, [10, 20, 30, 40]);
    const padded = new Uint8Array(ringByteLength(bits, 2) + 1);
    padded.set(ringToBytes(vectorOf(bits, [1, 2])), 1);
    addBytesAt(vector, 1, padded.subarray(1));
    expect([...vector]).toEqual([10, 21, 32, 40]);
    addBytesAt(vector, 1, padded.subarray(1), -1);
    expect([...vector]).toEqual([10, 20, 30, 40]);
    expect(ringBitsOf(vector)).toBe(bits);
  });

  it('refuse to mix lengths, rings and pieces that do not fit', () => {
    expect(() => {
      addInto(new Uint32Array(2), new Uint32Array(3));
    }).toThrow('a vector of 3 elements of 32 bits meets one of 2 of 32');
    expect(() => {
      subtractInto(new Uint32Array(2), new Uint16Array(2));
    }).toThrow('16 bits');
    for (const [offset, length] of [
      [0, 3],
      [2, 4],
      [-1, 4],
    ] as const)
      expect(() => {
        addBytesAt(new Uint32Array(2), offset, new Uint8Array(length));
      }).toThrow('do not fit');
  });
});
