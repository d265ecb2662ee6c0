import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { architectureSchema, buildModel } from '../../../shared/learning/architectures/architecture.ts';
import {
  initialWeights,
  manifestOf,
  weightsDigest,
  weightsFromBytes,
  weightsToBytes,
} from '../../../shared/learning/weights.ts';

const model = buildModel(architectureSchema.parse({ name: 'cnn' }), [1, 28, 28], 2);

describe('weights', () => {
  it('lays the parameters out one after the other', () => {
    const manifest = manifestOf(model);
    let end = 0;
    for (const entry of manifest.entries) {
      expect(entry.offset).toBe(end);
      end += entry.length;
    }
    expect(manifest.length).toBe(end);
    // 3 convolutions, 2 dense layers: 160 + 4640 + 18496 + 200768 + 130.
    expect(manifest.length).toBe(224_194);
  });

  it('goes to bytes and back exactly, special values included', () => {
    fc.assert(
      fc.property(fc.float32Array({ maxLength: 50 }), (weights) => {
        expect(weightsToBytes(weightsFromBytes(weightsToBytes(weights)))).toEqual(weightsToBytes(weights));
        expect(weightsFromBytes(weightsToBytes(weights))).toEqual(weights);
      }),
    );
  });

  it('hashes the little-endian bytes: SHA-512 of 0000803f for the single weight 1', () => {
    expect(Buffer.from(weightsToBytes(Float32Array.of(1))).toString('hex')).toBe('0000803f');
    expect(weightsDigest(new Float32Array(0)).slice(0, 16)).toBe('cf83e1357eefb8bd');
  });

  it('refuses bytes that are no whole number of values', () => {
    expect(() => weightsFromBytes(new Uint8Array(5))).toThrow('whole number');
  });

  it('starts from the seed alone, with the spread of He and Glorot', () => {
    const weights = initialWeights(model, 7);
    expect(weightsDigest(initialWeights(model, 7))).toBe(weightsDigest(weights));
    expect(weightsDigest(initialWeights(model, 8))).not.toBe(weightsDigest(weights));
    const dense = manifestOf(model).entries.find((entry) => entry.name === 'dense.weight');
    const part = weights.subarray(dense?.offset, (dense?.offset ?? 0) + (dense?.length ?? 0));
    const variance = part.reduce((sum, value) => sum + value * value, 0) / part.length;
    expect(variance / (2 / 3136)).toBeCloseTo(1, 1);
    const head = manifestOf(model).entries.find((entry) => entry.name === 'head.weight');
    const limit = Math.sqrt(6 / (64 + 2));
    const last = weights.subarray(head?.offset, (head?.offset ?? 0) + (head?.length ?? 0));
    expect(Math.max(...last.map(Math.abs))).toBeLessThanOrEqual(limit);
    expect(Math.max(...last.map(Math.abs))).toBeGreaterThan(0.9 * limit);
  });
});
