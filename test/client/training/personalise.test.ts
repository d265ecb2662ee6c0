import { describe, expect, it } from 'vitest';
import {
  fineTuningSchema,
  personalise,
  type PersonaliseInput,
} from '../../../client/training/personalise.ts';
import { recipeSchema } from '../../../shared/learning/training/recipe.ts';
import { trainLocally } from '../../../shared/learning/training/trainer.ts';
import { site } from '../../coordinator/fixtures.ts';
import { easyImages, fakeModel, regressionManifest } from '../../shared/learning/training/fake-model.ts';

const manifest = regressionManifest(4, 2);

function input(change: Partial<PersonaliseInput> = {}): PersonaliseInput {
  return {
    compiled: fakeModel(4, 2),
    manifest,
    weights: new Float32Array(manifest.length),
    data: easyImages(24, 4, 2),
    classCount: 2,
    recipe: recipeSchema.parse({
      optimizer: { kind: 'sgd', momentum: 0 },
      learningRate: 1,
      schedule: { kind: 'constant' },
      weightDecay: 0,
      epochs: 50,
      batchSize: 24,
    }),
    fineTuning: fineTuningSchema.parse({ epochs: 2 }),
    seed: { run: 1, site: site('a') },
    signal: new AbortController().signal,
    ...change,
  };
}

describe('fine-tuning', () => {
  it('goes on from the global model, with its own epochs and a tenth of the learning rate', async () => {
    const one = input();
    const tuned = await personalise(one);
    const byHand = await trainLocally({
      ...one,
      recipe: { ...one.recipe, learningRate: 0.1, epochs: 2 },
      seed: { run: 'another', round: 9, site: 9 },
    });
    // One batch holds all images, so that their order makes no difference but to rounding.
    tuned.forEach((value, i) => {
      expect(value).toBeCloseTo(byHand.weights[i] ?? NaN, 5);
    });
    expect(tuned[0]).not.toBe(0);
    expect([...one.weights]).toEqual(Array<number>(manifest.length).fill(0));
  });

  it('starts from the normalisation values that the site kept', async () => {
    const values = Float32Array.of(1, 2, 3, 4);
    const recipe = recipeSchema.parse({ frozenNormalization: true });
    const tuned = await personalise(input({ recipe, state: { kind: 'normalization', values } }));
    expect(tuned.subarray(-4)).toEqual(values);
  });

  it('is the same again, and none when it was stopped', async () => {
    const small = { recipe: recipeSchema.parse({ batchSize: 4 }) };
    expect(await personalise(input(small))).toEqual(await personalise(input(small)));
    await expect(personalise(input({ signal: AbortSignal.abort() }))).rejects.toMatchObject({
      code: 'TRAINING_ABORTED',
    });
  });
});
