import { describe, expect, it } from 'vitest';
import {
  STRATEGY_NAMES,
  STRATEGY_SUMMARIES,
  strategySchema,
  vectorCountOf,
} from '../../../shared/protocol/strategy.ts';

describe('a strategy', () => {
  it.each(STRATEGY_NAMES)('%s is complete by its name alone, and parses to itself', (name) => {
    const strategy = strategySchema.parse(name);
    expect(strategy).toEqual(strategySchema.parse({ name }));
    expect(strategySchema.parse(strategy)).toEqual(strategy);
    expect(strategy.serverSchedule).toEqual({ kind: 'constant' });
    expect(STRATEGY_SUMMARIES[name]).not.toBe('');
  });

  it('has the defaults of the papers', () => {
    expect(strategySchema.parse('fedavg').serverLearningRate).toBe(1);
    expect(strategySchema.parse('fedavgm')).toMatchObject({ momentum: 0.9 });
    expect(strategySchema.parse('fedadam')).toMatchObject({ beta1: 0.9, beta2: 0.99, tau: 1e-3 });
    expect(strategySchema.parse('fedadagrad')).toMatchObject({ beta1: 0, tau: 1e-3 });
  });

  it.each([
    ['an unknown name', { name: 'fedmagic' }],
    ['a parameter of another strategy', { name: 'fedavg', mu: 1 }],
    ['a negative μ', { name: 'fedprox', mu: -0.1 }],
    ['β = 1', { name: 'fedavgm', momentum: 1 }],
    ['τ = 0', { name: 'fedadam', tau: 0 }],
    ['a server learning rate of 0', { name: 'fedavg', serverLearningRate: 0 }],
    ['β₂ for Adagrad, which has none', { name: 'fedadagrad', beta2: 0.9 }],
    ['a growing rate', { name: 'fedavg', serverSchedule: { kind: 'exponential', factor: 1.1 } }],
  ])('refuses %s', (_, settings) => {
    expect(strategySchema.safeParse(settings).success).toBe(false);
  });

  it('sends a second vector for SCAFFOLD only', () => {
    expect(STRATEGY_NAMES.filter((name) => vectorCountOf(strategySchema.parse(name)) === 2)).toEqual([
      'scaffold',
    ]);
  });
});
