import { describe, expect, it } from 'vitest';
import { combinations, planRuns, withField } from '../../../simulations/study/grid.ts';

describe('a grid', () => {
  it('is the cartesian product of its values, the last field changing fastest', () => {
    expect(combinations({ sites: [2, 3], engine: ['a', 'b'] })).toEqual([
      { sites: 2, engine: 'a' },
      { sites: 2, engine: 'b' },
      { sites: 3, engine: 'a' },
      { sites: 3, engine: 'b' },
    ]);
    expect(combinations({})).toEqual([{}]);
  });

  it('reaches into settings, also those that are given by a name', () => {
    expect(withField({ strategy: 'fedprox' }, 'strategy.mu', 0.1)).toEqual({
      strategy: { name: 'fedprox', mu: 0.1 },
    });
    const input = { training: { learningRate: 1, batchSize: 8 } };
    expect(withField(input, 'training.learningRate', 2)).toEqual({
      training: { learningRate: 2, batchSize: 8 },
    });
    expect(input.training.learningRate).toBe(1);
    expect(withField({}, 'a.b.c', 1)).toEqual({ a: { b: { c: 1 } } });
  });

  it('is carried out with every seed, and each configuration is complete', () => {
    const runs = planRuns({ seed: 10, rounds: 3 }, { 'strategy.name': ['fedavg', 'fedadam'] }, 2);
    expect(
      runs.map(({ label, config }) => [label, config.strategy.name, config.seed, config.rounds]),
    ).toEqual([
      ['strategy.name=fedavg', 'fedavg', 10, 3],
      ['strategy.name=fedavg', 'fedavg', 11, 3],
      ['strategy.name=fedadam', 'fedadam', 10, 3],
      ['strategy.name=fedadam', 'fedadam', 11, 3],
    ]);
  });

  it('is refused as a whole when one combination cannot run, or when it is too large', () => {
    expect(() => planRuns({ seed: 1 }, { sites: [3, 0] }, 1)).toThrow(
      'with sites=0: the simulation cannot run: sites',
    );
    expect(() => planRuns({ seed: 1 }, { hospitals: [3] }, 1)).toThrow('hospitals');
    expect(() => planRuns({ seed: 1 }, { sites: [3, 4] }, 501)).toThrow('1002 runs');
  });
});
