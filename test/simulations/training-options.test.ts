import { describe, expect, it } from 'vitest';
import { optimizerSchema, recipeSchema } from '../../shared/learning/training/recipe.ts';
import { parseOptimizer, withTrainingFlags } from '../../simulations/training-options.ts';

const defaults = { schedule: { kind: 'cosine' as const, floorFraction: 0.1 } };

describe('local training on the command line', () => {
  it('names an optimiser, with its momentum', () => {
    expect(parseOptimizer('adamw')).toEqual(optimizerSchema.parse({ kind: 'adamw' }));
    expect(parseOptimizer('sgd')).toMatchObject({ kind: 'sgd', momentum: 0.9 });
    expect(parseOptimizer('sgd:0')).toMatchObject({ kind: 'sgd', momentum: 0 });
  });

  it.each(['lion', 'sgd:1', 'sgd:fast', 'adamw:0.9', 'sgd:0.9:1', ''])('refuses optimizer %j', (text) => {
    expect(() => parseOptimizer(text)).toThrow('choose adamw, adam, sgd[:momentum]');
  });

  it('leaves everything as it is without flags', () => {
    expect(withTrainingFlags(undefined, {}, defaults)).toBeUndefined();
    const settings = { batchSize: 8 };
    expect(withTrainingFlags(settings, {}, defaults)).toBe(settings);
  });

  it('puts flags in the place of a file’s settings, or beside the defaults', () => {
    const flags = { optimizer: 'sgd:0', learningRate: 0.05, batchSize: 64, logitCalibration: 1 };
    const changed = {
      optimizer: { kind: 'sgd', momentum: 0 },
      learningRate: 0.05,
      batchSize: 64,
      logitCalibrationTau: 1,
    };
    const inFile = recipeSchema.parse(withTrainingFlags({ batchSize: 8, epochs: 2 }, flags, defaults));
    expect(inFile).toMatchObject({ ...changed, epochs: 2, schedule: { kind: 'cosine', floorFraction: 0 } });
    const alone = recipeSchema.parse(withTrainingFlags(undefined, flags, defaults));
    expect(alone).toMatchObject({ ...changed, schedule: { kind: 'cosine', floorFraction: 0.1 } });
  });

  it('names a class weighting, and the weight of the federation’s prior', () => {
    const flags = { classWeighting: 'federated', logitAdjustment: 0.5 };
    expect(recipeSchema.parse(withTrainingFlags(undefined, flags, defaults))).toMatchObject({
      classWeighting: { kind: 'federated' },
      logitAdjustmentTau: 0.5,
    });
    expect(() => withTrainingFlags(undefined, { classWeighting: 'fair' }, defaults)).toThrow(
      'choose none, balanced, federated, effective',
    );
  });

  it('leaves settings that are none to the schema, which says what is wrong', () => {
    expect(withTrainingFlags('fast', { batchSize: 8 }, defaults)).toBe('fast');
  });
});
