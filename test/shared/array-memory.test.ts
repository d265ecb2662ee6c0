import { memoryUsage } from 'node:process';
import { describe, expect, it } from 'vitest';
import { freeBuffers } from '../../shared/array-memory.ts';

const MB = 2 ** 20;

describe('freed buffers', () => {
  it('give their memory back at once, and are empty afterwards', () => {
    const before = memoryUsage().arrayBuffers;
    for (let i = 0; i < 40; i++) {
      const [a, b] = [new Float32Array(MB).fill(1), new Uint8Array(MB).fill(1)];
      freeBuffers([a.buffer, b.buffer]);
      expect([a.length, b.length]).toEqual([0, 0]);
    }
    // 200 MB went through.
    expect(memoryUsage().arrayBuffers - before).toBeLessThan(20 * MB);
  });

  it('may be none', () => {
    expect(() => {
      freeBuffers([]);
    }).not.toThrow();
  });
});
