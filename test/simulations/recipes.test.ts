import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { parseSimulation } from '../../simulations/simulation-config.ts';
import { readYamlFile } from '../../shared/yaml-file.ts';

const folder = fileURLToPath(new URL('../../simulations/recipes/', import.meta.url));
const recipes = readdirSync(folder).filter((name) => name.endsWith('.yaml'));

describe('recipes', () => {
  it.each(recipes)('%s is a configuration with every field known, and says what its sites do', (name) => {
    const recipe = readYamlFile('--config', `${folder}${name}`, z.looseObject({}));
    const config = parseSimulation({ ...recipe, seed: 1 });
    expect(config.localSteps).toBeGreaterThan(0);
    // What belongs to the images is the user's to say.
    expect(Object.keys(recipe)).not.toContain('dataset');
    expect(Object.keys(recipe)).not.toContain('partition');
  });

  it('are there', () => {
    expect(recipes).toContain('skewed.yaml');
  });
});
