import { describe, expect, it } from 'vitest';
import { InputError, InvariantError } from '../../../../shared/errors.ts';
import {
  adjustLogits,
  classCountsOf,
  classWeights,
  effectiveNumber,
} from '../../../../shared/learning/training/class-weights.ts';
import { oneHot } from '../../../../shared/learning/training/targets.ts';
import { softmax } from './fake-model.ts';

describe('class weights', () => {
  it('balanced: n/(k·n_c), the values scikit-learn documents', () => {
    expect(classWeights({ kind: 'balanced' }, [10, 30])).toEqual([2, expect.closeTo(2 / 3, 12)]);
  });
  it('an absent class has weight zero and does not count as a class', () => {
    expect(classWeights({ kind: 'balanced' }, [10, 0, 30])).toEqual([2, 0, expect.closeTo(2 / 3, 12)]);
  });
  it('effective number: 1, 1.9, 2.71 for one, two, three examples at β = 0.9', () => {
    expect([1, 2, 3].map((n) => effectiveNumber(n, 0.9))).toEqual([
      expect.closeTo(1, 12),
      expect.closeTo(1.9, 12),
      expect.closeTo(2.71, 12),
    ]);
  });
  it('effective number: no weighting at β = 0, nearly balanced at β → 1', () => {
    expect(classWeights({ kind: 'effective', beta: 0 }, [10, 30])).toEqual([1, 1]);
    const nearly = classWeights({ kind: 'effective', beta: 0.9999999 }, [10, 30]);
    expect(nearly[0]).toBeCloseTo(2, 5);
    expect(nearly[1]).toBeCloseTo(2 / 3, 5);
  });
  it('effective number: the mean weight of the examples is 1', () => {
    const [first = 0, second = 0] = classWeights({ kind: 'effective', beta: 0.99 }, [5, 200]);
    expect((5 * first + 200 * second) / 205).toBeCloseTo(1, 12);
  });
  it.each([{ counts: [0, 0] }, { counts: [] }, { counts: [-1, 5] }, { counts: [Number.NaN, 5] }])(
    'refuses the counts $counts',
    ({ counts }) => {
      expect(() => classWeights({ kind: 'balanced' }, counts)).toThrow(InputError);
    },
  );
  it('counts labels', () => {
    expect(classCountsOf(Int32Array.of(2, 0, 2, 2), 4)).toEqual([1, 0, 3, 0]);
  });
});

describe('logit adjustment', () => {
  it('divides the odds by the prior odds', () => {
    const adjusted = adjustLogits(Float32Array.of(Math.log(9), 0), [900, 100], 1);
    const [p = 0, q = 0] = softmax([...adjusted]);
    expect(p).toBeCloseTo(0.5, 6);
    expect(q).toBeCloseTo(0.5, 6);
  });
  it('changes nothing at τ = 0 and nothing but a constant for equal priors', () => {
    const logits = Float32Array.of(1, 2, 3, -1, 0, 5);
    expect(adjustLogits(logits, [1, 5, 9], 0)).toEqual(logits);
    const shifted = adjustLogits(logits, [7, 7, 7], 1);
    shifted.forEach((z, i) => {
      expect(z - (logits[i] ?? 0)).toBeCloseTo(Math.log(3), 5);
    });
  });
  it('stays finite for a class without examples', () => {
    expect([...adjustLogits(Float32Array.of(0, 0), [10, 0], 1)].every(Number.isFinite)).toBe(true);
  });
});

describe('one-hot targets', () => {
  it('overwrites what stood in the buffer', () => {
    const out = new Float32Array(6).fill(7);
    expect([...oneHot([2, 0], 3, out)]).toEqual([0, 0, 1, 1, 0, 0]);
  });
  it.each([3, -1])('refuses label %i of three classes', (label) => {
    expect(() => oneHot([label], 3)).toThrow(InvariantError);
  });
});
