import { describe, expect, it } from 'vitest';
import { recipeSchema } from '../../../shared/learning/training/recipe.ts';
import { epochsInAll } from '../../../simulations/virtual/comparison.ts';

const training = recipeSchema.parse({ batchSize: 64 });

describe('the epochs of what a federation is compared with', () => {
  it('are those of all rounds', () => {
    expect(epochsInAll({ rounds: 10, epochs: 3, training }, 1000, 5)).toBe(30);
  });

  it('make as many steps as local steps at all the sites that it stands for', () => {
    // 5 sites × 50 rounds × 16 steps = 4000 steps; 4708 images make 74 steps an epoch.
    const federated = { rounds: 50, epochs: 3, localSteps: 16, training };
    expect(epochsInAll(federated, 4708, 5)).toBe(Math.ceil(4000 / 74));
    // A site alone: 800 steps, 15 an epoch.
    expect(epochsInAll(federated, 942, 1)).toBe(Math.ceil(800 / 15));
  });
});
