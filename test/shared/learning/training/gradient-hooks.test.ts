import { describe, expect, it } from 'vitest';
import { InvariantError } from '../../../../shared/errors.ts';
import {
  clipGlobalNorm,
  controlVariate,
  proximalTerm,
} from '../../../../shared/learning/training/gradient-hooks.ts';
import { runningStatisticsUpdate } from '../../../../shared/learning/training/running-statistics.ts';
import { trainableRanges } from '../../../../shared/learning/training/trainable-ranges.ts';
import { manifestWith } from './manifests.ts';

/** Two trainable values, one running mean, one trainable value. */
const manifest = manifestWith([
  { kind: 'kernel', length: 2 },
  { kind: 'runningMean', length: 1 },
  { kind: 'bias', length: 1 },
]);

describe('gradient hooks leave statistics alone', () => {
  it('proximal term: μ·(w − w₀)', () => {
    const gradients = Float32Array.of(1, 1, 9, 1);
    proximalTerm(0.5, Float32Array.of(0, 1, 0, 4), manifest)(gradients, Float32Array.of(2, 1, 7, 0));
    expect([...gradients]).toEqual([2, 1, 9, -1]);
  });
  it('control variate: added', () => {
    const gradients = Float32Array.of(1, 1, 9, 1);
    controlVariate(Float32Array.of(1, -2, 5, 0.5), manifest)(gradients, new Float32Array(4));
    expect([...gradients]).toEqual([2, -1, 9, 1.5]);
  });
  it('clipping: the norm of the trainable part, 13 → 6.5', () => {
    const gradients = Float32Array.of(3, 4, 1000, 12);
    clipGlobalNorm(6.5, manifest)(gradients, new Float32Array(4));
    expect([...gradients]).toEqual([1.5, 2, 1000, 6]);
  });
  it('clipping: a gradient within the bound is untouched', () => {
    const gradients = Float32Array.of(3, 4, 1000, 12);
    clipGlobalNorm(13, manifest)(gradients, new Float32Array(4));
    expect([...gradients]).toEqual([3, 4, 1000, 12]);
  });
  it('vectors of another model are refused', () => {
    expect(() => proximalTerm(1, new Float32Array(3), manifest)).toThrow(InvariantError);
    expect(() => controlVariate(new Float32Array(5), manifest)).toThrow(InvariantError);
  });
});

describe('running statistics', () => {
  it('move by m towards the batch, and nothing else moves', () => {
    const weights = Float32Array.of(1, 1, 10, 1);
    runningStatisticsUpdate(manifest, 0.25)(weights, Float32Array.of(5, 5, 2, 5));
    expect([...weights]).toEqual([1, 1, 8, 1]);
  });
});

describe('trainable ranges', () => {
  it('join neighbours that decay alike and skip what is not trained', () => {
    const specs = manifestWith([
      { kind: 'kernel', length: 3 },
      { kind: 'kernel', length: 2 },
      { kind: 'bias', length: 1 },
      { kind: 'normScale', length: 4 },
      { kind: 'runningVariance', length: 4 },
      { kind: 'bias', length: 2, frozen: true },
      { kind: 'bias', length: 2 },
    ]);
    expect(trainableRanges(specs)).toEqual([
      { start: 0, end: 5, decayed: true, rateFactor: 1 },
      { start: 5, end: 10, decayed: false, rateFactor: 1 },
      { start: 16, end: 18, decayed: false, rateFactor: 1 },
    ]);
  });
});
