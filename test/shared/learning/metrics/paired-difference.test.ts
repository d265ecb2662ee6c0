import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { correctness, pairedDifference } from '../../../../shared/learning/metrics/paired-difference.ts';

/** The same examples in every run; a failure prints them. */
fc.configureGlobal({ seed: 1993 });

const at = (values: readonly number[]): Float64Array => Float64Array.from(values);
const settings = { replicates: 400, seed: 1 };

describe('correctness', () => {
  it('is 1 where the most probable class is the label', () => {
    const probabilities = at([0.7, 0.2, 0.1, 0.2, 0.5, 0.3, 0.1, 0.1, 0.8]);
    expect([...correctness(probabilities, Int32Array.of(0, 2, 2), 3)]).toEqual([1, 0, 1]);
  });
});

describe('a paired difference', () => {
  it('is the mean difference', () => {
    const { value } = pairedDifference({ first: at([1, 1, 0, 1]), second: at([0, 1, 0, 0.5]), ...settings });
    expect(value).toBe(0.375);
  });

  it('of equal classifiers is exactly nothing, however often they are wrong', () => {
    const scores = at([1, 0, 0, 1, 0, 1]);
    const { value, interval } = pairedDifference({ first: scores, second: scores, ...settings });
    expect([value, interval]).toEqual([0, { low: 0, high: 0 }]);
  });

  it('has no value for no images and no interval for one patient', () => {
    expect(pairedDifference({ first: at([]), second: at([]), ...settings })).toEqual({});
    const one = { first: at([1, 1]), second: at([0, 1]), patients: ['p', 'p'] };
    expect(pairedDifference({ ...one, ...settings })).toEqual({ value: 0.5 });
  });

  it('has a wider interval where images of one patient go together', () => {
    const first = at(Array.from({ length: 80 }, (_, i) => (i % 8 < 4 ? 1 : 0)));
    const second = at(Array.from({ length: 80 }, () => 0));
    const width = (patients: readonly string[]): number => {
      const { interval } = pairedDifference({ first, second, patients, ...settings });
      return (interval?.high ?? 0) - (interval?.low ?? 0);
    };
    const alone = width(Array.from({ length: 80 }, (_, i) => String(i)));
    expect(width(Array.from({ length: 80 }, (_, i) => String(i >> 2)))).toBeGreaterThan(1.5 * alone);
  });

  it('turns its sign, and its interval, with the order', () => {
    const score = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(fc.array(fc.tuple(score, score), { minLength: 2, maxLength: 30 }), (pairs) => {
        const first = at(pairs.map(([a]) => a));
        const second = at(pairs.map(([, b]) => b));
        const one = pairedDifference({ first, second, ...settings });
        const other = pairedDifference({ first: second, second: first, ...settings });
        expect(other.value).toBeCloseTo(-(one.value ?? NaN), 12);
        expect(other.interval?.low).toBeCloseTo(-(one.interval?.high ?? NaN), 12);
        expect(one.interval?.low).toBeLessThanOrEqual(one.interval?.high ?? NaN);
      }),
      { numRuns: 20 },
    );
  });

  it('refuses different images', () => {
    expect(() => pairedDifference({ first: at([1]), second: at([1, 0]), ...settings })).toThrow(
      'same examples',
    );
  });
});
