import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PayloadAssembler } from '../../../shared/protocol/payload-assembler.ts';

const payload = Uint8Array.from({ length: 97 }, (_, i) => (i * 31) & 255);

function filledUpTo(offset: number): PayloadAssembler {
  const assembler = new PayloadAssembler(10);
  if (offset > 0) assembler.add(0, payload.subarray(0, offset));
  return assembler;
}

describe('the assembler of a payload', () => {
  it('gives the same bytes for any split, with any repetition of what is there already', () => {
    const pieces = fc.array(
      fc.record({ size: fc.integer({ min: 1, max: 40 }), back: fc.array(fc.nat(96)) }),
      {
        minLength: 97,
        maxLength: 97,
      },
    );
    fc.assert(
      fc.property(pieces, (plan) => {
        const assembler = new PayloadAssembler(payload.length);
        for (const { size, back } of plan) {
          const { nextOffset } = assembler;
          if (nextOffset === payload.length) break;
          expect(assembler.complete()).toBeUndefined();
          expect(assembler.add(nextOffset, payload.subarray(nextOffset, nextOffset + size))).toEqual({
            status: 'accepted',
          });
          // A sender that starts anew repeats from anywhere before the first missing byte.
          for (const from of back) {
            const to = Math.min(from + size, assembler.nextOffset);
            if (to <= from) continue;
            expect(assembler.add(from, payload.subarray(from, to))).toEqual({ status: 'duplicate' });
          }
        }
        expect(assembler.complete()).toEqual(payload);
      }),
    );
  });

  it.each([
    ['wrong-offset', 4, 5, 2],
    ['overlap', 4, 3, 2],
    ['too-many-bytes', 4, 4, 7],
    ['too-many-bytes', 10, 10, 1],
    ['empty-chunk', 4, 4, 0],
    ['too-many-bytes', 0, Number.MAX_SAFE_INTEGER, 3],
  ])('refuses %s and stays as it was (%i there, %i + %i)', (reason, there, offset, length) => {
    const assembler = filledUpTo(there);
    expect(assembler.add(offset, new Uint8Array(length))).toEqual({ status: 'refused', reason });
    expect(assembler.nextOffset).toBe(there);
    if (there < 10) assembler.add(there, payload.subarray(there, 10));
    expect(assembler.complete()).toEqual(payload.subarray(0, 10));
  });
});
