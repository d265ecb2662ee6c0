/** Distribution functions, DeLong and the paired t-test against SciPy and against the definition over all pairs. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { deLong, deLongTest, midranks } from '../../../../shared/learning/metrics/delong.ts';
import {
  erfc,
  incompleteBeta,
  logGamma,
  studentQuantile,
  studentTwoSided,
} from '../../../../shared/learning/metrics/special-functions.ts';
import { pairedTTest, summarise } from '../../../../shared/learning/metrics/summary.ts';
import { statistics } from './vectors.ts';

/** The same examples in every run; a failure prints them. */
fc.configureGlobal({ seed: 2017 });

const relative = (actual: number, expected: number): number =>
  expected === 0 ? Math.abs(actual) : Math.abs(actual / expected - 1);

describe('distribution functions', () => {
  it.each(statistics.logGamma)('ln Γ($x)', ({ x, value }) => {
    expect(logGamma(x)).toBeCloseTo(value, 11);
  });

  it.each(statistics.erfc)('erfc($x)', ({ x, value }) => {
    expect(relative(erfc(x), value)).toBeLessThan(1e-11);
  });

  it.each(statistics.studentTwoSided)('P(|T| ≥ $t), $degreesOfFreedom degrees', (row) => {
    expect(relative(studentTwoSided(row.t, row.degreesOfFreedom), row.value)).toBeLessThan(1e-10);
  });

  it.each(statistics.studentQuantiles)('t of $confidence, $degreesOfFreedom degrees', (row) => {
    expect(relative(studentQuantile(row.confidence, row.degreesOfFreedom), row.value)).toBeLessThan(1e-10);
  });

  it('the incomplete beta function is a distribution function with the known symmetry', () => {
    expect(incompleteBeta(0, 2, 3)).toBe(0);
    expect(incompleteBeta(1, 2, 3)).toBe(1);
    const shape = fc.double({ min: 0.5, max: 50, noNaN: true });
    fc.assert(
      // Nearer to the ends 1 − x is rounded, and I of it with it.
      fc.property(fc.double({ min: 1e-3, max: 0.999, noNaN: true }), shape, shape, (x, a, b) => {
        expect(incompleteBeta(x, a, b) + incompleteBeta(1 - x, b, a)).toBeCloseTo(1, 10);
      }),
    );
  });
});

describe('DeLong', () => {
  it.each(statistics.deLong)('as the definition over all pairs gives it', (vector) => {
    const { labels, a, b } = vector;
    expect(deLong(a, labels)?.auc).toBeCloseTo(vector.aucA, 12);
    expect(deLong(a, labels)?.standardError).toBeCloseTo(vector.standardErrorA, 12);
    expect(deLong(b, labels)?.standardError).toBeCloseTo(vector.standardErrorB, 12);
    const test = deLongTest(a, b, labels);
    expect(test?.difference).toBeCloseTo(vector.aucA - vector.aucB, 12);
    expect(test?.standardError).toBeCloseTo(vector.standardErrorDifference, 12);
    expect(test?.p).toBeCloseTo(vector.p, 11);
  });

  it('by hand: positives 3, 1 and negatives 2, 0', () => {
    // Each positive beats 2 and 1 of 2 negatives, each negative loses to 1 and 2 of 2 positives: both components are
    // {1, ½} with variance 1/8, and the variance of the area is (1/8)/2 + (1/8)/2.
    const result = deLong([3, 1, 2, 0], [1, 1, 0, 0]);
    expect(result?.auc).toBe(0.75);
    expect(result?.standardError).toBeCloseTo(Math.sqrt(1 / 8), 14);
    expect(result?.interval).toEqual({ low: expect.closeTo(0.75 - 0.6929519, 6) as number, high: 1 });
  });

  it('is undefined with a single positive, and its p where the two are the same', () => {
    expect(deLong([1, 2, 3], [1, 0, 0])).toBeUndefined();
    expect(deLong([], [])).toBeUndefined();
    const same = deLongTest([1, 2, 3, 4], [10, 20, 30, 40], [0, 1, 0, 1]);
    expect(same).toMatchObject({ difference: 0, standardError: 0, p: undefined });
  });

  it('refuses NaN and different lengths', () => {
    expect(() => deLong([1, NaN], [0, 1])).toThrow('not a number');
    expect(() => deLong([1], [0, 1])).toThrow('1 scores for 2 labels');
  });

  it('gives equal values the mean of their ranks', () => {
    expect([...midranks(Float64Array.of(5, 1, 5, 5, 2))]).toEqual([4, 1, 4, 4, 2]);
  });
});

describe('summary over seeds', () => {
  it('by hand: 2, 4, 6', () => {
    const summary = summarise([2, 4, undefined, 6]);
    expect(summary).toMatchObject({ count: 3, mean: 4, standardDeviation: 2 });
    // t for 2 degrees of freedom is 4.302653; the standard error 2/√3.
    expect(summary.interval?.high).toBeCloseTo(4 + (4.302652729749464 * 2) / Math.sqrt(3), 9);
  });

  it('has no spread for one value and nothing for none', () => {
    expect(summarise([0.9])).toEqual({ count: 1, mean: 0.9 });
    expect(summarise([undefined])).toEqual({ count: 0 });
  });

  it('paired t-test as SciPy has it', () => {
    const { a, b, t, p, low, high } = statistics.pairedTTest;
    const result = pairedTTest(a, b);
    expect(result?.t).toBeCloseTo(t, 9);
    expect(result?.p).toBeCloseTo(p, 11);
    expect(result?.interval.low).toBeCloseTo(low, 11);
    expect(result?.interval.high).toBeCloseTo(high, 11);
    expect(result?.degreesOfFreedom).toBe(4);
  });

  it('has no p where all differences are equal, and nothing for one pair', () => {
    const equal = pairedTTest([0.3, 0.5, 0.7], [0.1, 0.3, 0.5]);
    expect(equal?.difference).toBeCloseTo(0.2, 12);
    expect(equal).not.toHaveProperty('p');
    expect(pairedTTest([1, 2], [1, 2])).not.toHaveProperty('t');
    expect(pairedTTest([1], [2])).toBeUndefined();
    expect(() => pairedTTest([1], [1, 2])).toThrow('the same seeds');
  });
});
