import { describe, expect, it } from 'vitest';
import { recipeSchema } from '../../shared/learning/training/recipe.ts';
import { CASES } from './federated-cases.ts';
import { configOf } from './federated-run.ts';

const variants = CASES.flatMap((entry) =>
  entry.variants.map((variant) => ({ name: `${entry.key} ${variant.name}`, entry, variant })),
);

describe('a case of bench:federated', () => {
  it.each(variants)('$name is a federation in local steps, compared with the same model', (one) => {
    const request = { ...one, path: 'images', seed: 3, workers: 2, compare: true, hooks: {} };
    const config = configOf(request);
    expect(config).toMatchObject({ seed: 3, workers: 2, protection: { mode: 'plain' } });
    expect(config.localSteps).toBeGreaterThan(0);
    expect(config.compare).toEqual(one.entry.compareLocal ? ['pooled', 'local'] : ['pooled']);
    expect(config.comparisonTraining).toEqual(recipeSchema.parse(one.entry.central));
    expect(configOf({ ...request, compare: false }).compare).toEqual([]);
  });

  it.each(CASES)('$key has seeds, and a bar in each of its variants', ({ seeds, variants: all }) => {
    expect(seeds.length).toBeGreaterThanOrEqual(3);
    for (const { bars } of all) expect(Object.keys(bars).length).toBeGreaterThan(0);
  });
});
