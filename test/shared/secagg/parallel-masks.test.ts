import { afterAll, describe, expect, it } from 'vitest';
import { sha512Hex } from '../../../shared/crypto/hash.ts';
import { addMasks, type SignedSeed } from '../../../shared/secagg/masks.ts';
import { createMaskPool, sumOfMasks } from '../../../shared/secagg/parallel-masks.ts';
import { newRingVector, RING_BITS, ringToBytes } from '../../../shared/secagg/ring.ts';

const masks = Array.from({ length: 7 }, (_, i): SignedSeed => ({
  seed: new Uint8Array(32).fill(i + 1),
  sign: i % 2 === 0 ? 1 : -1,
}));

describe('sums of masks in threads', () => {
  const pool = createMaskPool({ workers: 2, parallelFromBytes: 0 });
  afterAll(() => pool.close());

  it.each(RING_BITS)('are those of one thread, also over several pieces (%d bits)', async (bits) => {
    const length = 100_003;
    const expected = newRingVector(bits, length);
    addMasks(expected, masks);
    const sum = await pool.sum(masks, bits, length);
    // Elements one by one would take seconds.
    expect(sha512Hex(ringToBytes(sum))).toBe(sha512Hex(ringToBytes(expected)));
    expect(sum.buffer).toBeInstanceOf(ArrayBuffer);
  });

  it('leave the seeds to their owner', () => {
    expect(masks[0]?.seed).toEqual(new Uint8Array(32).fill(1));
  });

  it('run beside each other and end after the last', async () => {
    const own = createMaskPool({ workers: 2, parallelFromBytes: 0 });
    const sums = [1, 2, 3].map((count) => own.sum(masks.slice(0, count), 32, 1000));
    const closed = own.close();
    await own.close();
    await closed;
    for (const [i, sum] of (await Promise.all(sums)).entries()) {
      const expected = newRingVector(32, 1000);
      addMasks(expected, masks.slice(0, i + 1));
      expect(sum).toEqual(expected);
    }
    await expect(own.sum(masks, 32, 10)).rejects.toThrow('have ended');
  });

  it('need no thread where there is little to do', async () => {
    const expected = newRingVector(16, 10);
    addMasks(expected, masks);
    expect(await sumOfMasks(masks, 16, 10, { workers: 2 })).toEqual(expected);
    expect(await sumOfMasks([], 8, 3, { workers: 1 })).toEqual(new Uint8Array(3));
  });

  it('refuse a number of workers that cannot be', () => {
    for (const workers of [0, 1.5, 257])
      expect(() => createMaskPool({ workers }), String(workers)).toThrow('give 1 to 256');
  });
});
