import { describe, expect, it } from 'vitest';
import { mergeValidation } from '../../../coordinator/aggregation/local-validation.ts';

describe('validation at the sites, merged', () => {
  it('counts every image once', () => {
    const merged = mergeValidation([
      { exampleCount: 30, correctCount: 15, lossSum: 30 },
      { exampleCount: 10, correctCount: 10, lossSum: 2 },
    ]);
    expect(merged).toEqual({ exampleCount: 40, accuracy: 25 / 40, loss: 0.8 });
  });

  it('has no value where nobody has images', () => {
    expect(mergeValidation([])).toBeUndefined();
  });
});
