import { describe, expect, it } from 'vitest';
import { compileOptionsOf, recipeSchema } from '../../../../shared/learning/training/recipe.ts';
import { AUGMENTATION_PRESETS, augmentationPreset } from '../../../../shared/learning/augmentation/schema.ts';

describe('recipe', () => {
  it('an empty recipe is complete, and parsing a parsed one changes nothing', () => {
    const recipe = recipeSchema.parse({});
    expect(recipe).toMatchObject({ batchSize: 32, optimizer: { kind: 'adamw', beta1: 0.9 } });
    expect(recipeSchema.parse(recipe)).toEqual(recipe);
    expect(recipeSchema.parse(JSON.parse(JSON.stringify(recipe)))).toEqual(recipe);
  });
  it.each(AUGMENTATION_PRESETS)('the preset %s is replaced by its settings', (name) => {
    const recipe = recipeSchema.parse({ augmentation: name });
    expect(recipe.augmentation).toEqual(augmentationPreset(name));
    expect(recipeSchema.parse(recipe)).toEqual(recipe);
  });
  it.each(['xray', 'ct'] as const)('%s: nothing is mirrored, organs have sides', (name) => {
    expect(augmentationPreset(name)).toMatchObject({ flipLeftRight: false, flipUpDown: false });
  });
  it.each([
    { learningRate: 0 },
    { learningRate: Number.POSITIVE_INFINITY },
    { batchSize: 0 },
    { epochs: 1.5 },
    { labelSmoothing: 1 },
    { optimizer: { kind: 'adam', momentum: 0.9 } },
    { schedule: { kind: 'step' } },
    { augmentation: 'mri' },
    { learningrate: 0.1 },
  ])('refuses %o', (input) => {
    expect(recipeSchema.safeParse(input).success).toBe(false);
  });
  it('tells the engine what it must know', () => {
    const recipe = recipeSchema.parse({ batchSize: 8, labelSmoothing: 0.1 });
    expect(compileOptionsOf(recipe)).toEqual({
      batchSize: 8,
      loss: 'softmax',
      labelSmoothing: 0.1,
      frozenNormalization: false,
    });
  });
});
