import { describe, expect, it } from 'vitest';
import { unsignedLeb128 } from '../../../../../shared/learning/training/optimizers/wasm-assembler.ts';
import { memoryLayout } from '../../../../../shared/learning/training/optimizers/simd-kernel.ts';

describe('unsigned LEB128', () => {
  it.each([
    { value: 0, bytes: [0] },
    { value: 127, bytes: [0x7f] },
    { value: 128, bytes: [0x80, 0x01] },
    // The example of the DWARF 3 standard, §7.6, and a value above 2³¹, where bit operations would fail.
    { value: 12_857, bytes: [0xb9, 0x64] },
    { value: 4_000_000_000, bytes: [0x80, 0xd0, 0xac, 0xf3, 0x0e] },
  ])('$value', ({ value, bytes }) => {
    expect(unsignedLeb128(value)).toEqual(bytes);
  });
});

describe('memory layout', () => {
  it('aligns every vector to 16 bytes and leaves no overlap', () => {
    expect(memoryLayout(5, 2)).toEqual({ weights: 0, gradients: 32, moments: [64, 96], totalBytes: 128 });
  });
});
