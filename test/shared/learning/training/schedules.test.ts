import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { recipeSchema, type RecipeInput } from '../../../../shared/learning/training/recipe.ts';
import { learningRateAt, plateauFactor } from '../../../../shared/learning/training/schedules.ts';

const rates = (recipe: RecipeInput, totalSteps: number, stepsPerEpoch: number) => {
  const parsed = recipeSchema.parse(recipe);
  return Array.from({ length: totalSteps }, (_, step) =>
    Number(learningRateAt(parsed, step, { totalSteps, stepsPerEpoch }).toFixed(6)),
  );
};

describe('learning rate', () => {
  it('constant', () => {
    expect(rates({ learningRate: 0.5, schedule: { kind: 'constant' } }, 3, 1)).toEqual([0.5, 0.5, 0.5]);
  });
  it('step: a tenth after every second epoch of two steps', () => {
    const schedule = { kind: 'step', everyEpochs: 2, factor: 0.1 } as const;
    expect(rates({ learningRate: 1, schedule }, 9, 2)).toEqual([1, 1, 1, 1, 0.1, 0.1, 0.1, 0.1, 0.01]);
  });
  it('cosine: the points of half a cosine, above a floor', () => {
    expect(rates({ learningRate: 1, schedule: { kind: 'cosine' } }, 4, 4)).toEqual([
      1, 0.853553, 0.5, 0.146447,
    ]);
    const schedule = { kind: 'cosine', floorFraction: 0.5 } as const;
    expect(rates({ learningRate: 1, schedule }, 2, 2)).toEqual([1, 0.75]);
  });
  it('warm-up: rises linearly to the full rate, and the schedule has what is left', () => {
    const recipe = { learningRate: 1, warmUpEpochs: 2, schedule: { kind: 'cosine' } } as const;
    expect(rates(recipe, 8, 2)).toEqual([0.25, 0.5, 0.75, 1, 1, 0.853553, 0.5, 0.146447]);
  });
  it('never exceeds the full rate nor falls below zero', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('constant', 'cosine', 'plateau'),
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: 1, max: 20 }),
        fc.double({ min: 0, max: 100, noNaN: true }),
        (kind, totalSteps, stepsPerEpoch, warmUpEpochs) => {
          const all = rates({ learningRate: 1, schedule: { kind }, warmUpEpochs }, totalSteps, stepsPerEpoch);
          expect(all.every((rate) => rate >= 0 && rate <= 1)).toBe(true);
        },
      ),
    );
  });
});

describe('plateau', () => {
  const schedule = { kind: 'plateau', factor: 0.5, patienceEpochs: 1 } as const;
  it.each([
    { history: [], factor: 1 },
    { history: [3, 2, 1], factor: 1 },
    { history: [3, 3], factor: 1 },
    { history: [3, 3, 3], factor: 0.5 },
    { history: [3, 4, 2, 4, 4], factor: 0.5 },
    { history: [3, 4, 4, 4, 4], factor: 0.25 },
  ])('after $history', ({ history, factor }) => {
    expect(plateauFactor(schedule, history)).toBe(factor);
  });
  it('is 1 for every other schedule', () => {
    expect(plateauFactor({ kind: 'constant' }, [1, 2, 3, 4, 5, 6])).toBe(1);
  });
});
