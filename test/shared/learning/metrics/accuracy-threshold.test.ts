import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { accuracyAt, accuracyThreshold } from '../../../../shared/learning/metrics/accuracy-threshold.ts';

describe('the threshold of the best accuracy', () => {
  it('lies in the middle between the scores that it parts', () => {
    const examples = { scores: [0.1, 0.2, 0.3, 0.4], labels: [0, 0, 1, 1] };
    expect(accuracyAt(examples, 0.5)).toBe(0.5);
    expect(accuracyThreshold(examples)).toBeCloseTo(0.25, 12);
    expect(accuracyAt(examples, accuracyThreshold(examples))).toBe(1);
  });

  it('is .5 where nothing is better', () => {
    expect(accuracyThreshold({ scores: [0.2, 0.9], labels: [0, 1] })).toBe(0.5);
    expect(accuracyThreshold({ scores: [0.7, 0.7], labels: [0, 1] })).toBe(0.5);
  });

  it('decides everything alike where scores say the opposite', () => {
    const examples = { scores: [0.9, 0.8, 0.1], labels: [0, 0, 1] };
    expect(accuracyAt(examples, accuracyThreshold(examples))).toBeCloseTo(2 / 3, 12);
  });

  it('is never worse than any other one', () => {
    const example = fc.record({ score: fc.double({ min: 0, max: 1, noNaN: true }), label: fc.nat(1) });
    fc.assert(
      fc.property(
        fc.array(example, { minLength: 1, maxLength: 30 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (list, other) => {
          const examples = { scores: list.map((e) => e.score), labels: list.map((e) => e.label) };
          const best = accuracyAt(examples, accuracyThreshold(examples));
          expect(best).toBeGreaterThanOrEqual(accuracyAt(examples, 0.5));
          // Between two scores every threshold decides alike; at a score itself the one below it may be missing.
          if (!examples.scores.includes(other))
            expect(best).toBeGreaterThanOrEqual(accuracyAt(examples, other));
        },
      ),
    );
  });

  it('needs examples', () => {
    expect(() => accuracyThreshold({ scores: [], labels: [] })).toThrow('needs examples');
    expect(() => accuracyThreshold({ scores: [1], labels: [] })).toThrow('needs examples');
  });
});
