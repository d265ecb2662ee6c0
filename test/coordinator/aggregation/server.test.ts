/** Every strategy's server half, on two or three sites and two weights that a person can check. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addToRound,
  applyRound,
  initServer,
  newRoundSum,
  type ServerRules,
  type ServerState,
} from '../../../coordinator/aggregation/server.ts';
import { addUpdate, applyFedAvg, initFedAvg } from '../../../coordinator/aggregation/fedavg.ts';
import { STRATEGY_NAMES, strategySchema, type StrategyInput } from '../../../shared/protocol/strategy.ts';
import type { UpdatePayload } from '../../../shared/protocol/update-payload.ts';
import { manifestWith } from '../../shared/learning/training/manifests.ts';

const update = (exampleCount: number, delta: number[], controlDelta?: number[]): UpdatePayload => ({
  exampleCount,
  meanLoss: 0,
  delta: Float32Array.from(delta),
  ...(controlDelta && { controlDelta: Float32Array.from(controlDelta) }),
});

const twoWeights = manifestWith([{ kind: 'kernel', length: 2 }]);

const rulesOf = (strategy: StrategyInput, change: Partial<ServerRules> = {}): ServerRules => ({
  strategy: strategySchema.parse(strategy),
  rounds: 10,
  manifest: twoWeights,
  siteCount: 2,
  ...change,
});

/** One round for each list of updates, from `weights`. */
function play(rules: ServerRules, weights: number[], rounds: readonly UpdatePayload[][]): ServerState {
  return rounds.reduce(
    (state, updates, index) => {
      const sum = newRoundSum(rules.manifest.length, rules.strategy);
      for (const one of updates) addToRound(sum, one);
      return applyRound(rules, state, sum, index + 1);
    },
    initServer(rules, Float32Array.from(weights)),
  );
}

const near = (actual: ArrayLike<number>, expected: readonly number[], digits = 6): void => {
  expect(actual).toHaveLength(expected.length);
  expected.forEach((value, i) => {
    expect(actual[i]).toBeCloseTo(value, digits);
  });
};

/** Mean update [0.25, −0.5]: (10·[1, −2] + 30·[0, 0]) / 40. */
const first = [update(10, [1, -2]), update(30, [0, 0])];
/** Mean update [0.5, 0.25]. */
const second = [update(20, [0.5, 0]), update(20, [0.5, 0.5])];

describe('by hand', () => {
  it.each(['fedavg', 'fedprox'] as const)('%s adds the mean update', (name) => {
    near(play(rulesOf(name), [1, 1], [first, second]).weights, [1.75, 0.75]);
  });

  it('fedavg multiplies it by the server’s learning rate', () => {
    near(play(rulesOf({ name: 'fedavg', serverLearningRate: 0.5 }), [1, 1], [first]).weights, [1.125, 0.75]);
  });

  it('fedavgm keeps a velocity: v₁ = Δ₁, v₂ = ½·Δ₁ + Δ₂ = [0.625, 0]', () => {
    const rules = rulesOf({ name: 'fedavgm', momentum: 0.5, serverLearningRate: 0.1 });
    const state = play(rules, [0, 0], [first, second]);
    near(state.weights, [0.1 * (0.25 + 0.625), 0.1 * (-0.5 + 0)]);
    expect(state.memory).toEqual({ kind: 'velocity', velocity: Float64Array.of(0.625, 0) });
  });

  it('fedadam: m = Δ/2, v = ½·τ² + ½·Δ², w = η·m/(√v + τ)', () => {
    const rules = rulesOf({ name: 'fedadam', beta1: 0.5, beta2: 0.5, tau: 0.5, serverLearningRate: 0.1 });
    const state = play(rules, [0, 0], [first]);
    // v = [½·¼ + ½·1/16, ½·¼ + ½·¼] = [0.15625, 0.25]; m = [0.125, −0.25]
    expect(state.memory).toEqual({
      kind: 'moments',
      moments: { first: Float64Array.of(0.125, -0.25), second: Float64Array.of(0.15625, 0.25) },
    });
    near(state.weights, [0.0125 / (Math.sqrt(0.15625) + 0.5), -0.025]);
  });

  it('fedyogi: v moves towards Δ² by at most a share of Δ², whichever side it is on', () => {
    const settings = { name: 'fedyogi', beta1: 0, beta2: 0.5, tau: 0.375, serverLearningRate: 1 } as const;
    const state = play(rulesOf(settings), [0, 0], [first]);
    // τ² = 0.140625 is above 0.25² = 0.0625 and below 0.5² = 0.25.
    const v = [0.140625 - 0.03125, 0.140625 + 0.125];
    expect(state.memory).toMatchObject({ moments: { second: Float64Array.from(v) } });
    near(state.weights, [0.25 / (Math.sqrt(0.109375) + 0.375), -0.5 / (Math.sqrt(0.265625) + 0.375)]);
  });

  it('fedadagrad: v is the sum of all squares', () => {
    const settings = { name: 'fedadagrad', tau: 1, serverLearningRate: 1 } as const;
    const state = play(rulesOf(settings), [0, 0], [first, second]);
    // v₁ = 1 + [1/16, ¼], v₂ = v₁ + [¼, 1/16]
    expect(state.memory).toMatchObject({ moments: { second: Float64Array.of(1.3125, 1.3125) } });
    near(state.weights, [
      0.25 / (Math.sqrt(1.0625) + 1) + 0.5 / (Math.sqrt(1.3125) + 1),
      -0.5 / (Math.sqrt(1.25) + 1) + 0.25 / (Math.sqrt(1.3125) + 1),
    ]);
  });

  it('scaffold moves its control variate by |S|/N of the mean of Δcᵢ', () => {
    const rules = rulesOf('scaffold', { siteCount: 4 });
    const updates = [update(10, [1, -2], [4, 0]), update(30, [0, 0], [0, 8])];
    const state = play(rules, [1, 1], [updates]);
    near(state.weights, [1.25, 0.5]);
    // The mean is [1, 6]; two of four sites took part.
    expect(state.memory).toEqual({ kind: 'control', control: Float32Array.of(0.5, 3) });
  });

  it('lets the server’s learning rate fall: half of the second round’s update counts', () => {
    const rules = rulesOf({ name: 'fedavg', serverSchedule: { kind: 'exponential', factor: 0.5 } });
    near(play(rules, [0, 0], [first, second]).weights, [0.25 + 0.25, -0.5 + 0.125]);
  });
});

describe('what equals federated averaging, bit for bit', () => {
  const same: [string, StrategyInput][] = [
    ['fedprox, whose server does the same', { name: 'fedprox', mu: 0 }],
    ['fedavgm with β = 0 and η = 1', { name: 'fedavgm', momentum: 0, serverLearningRate: 1 }],
    ['scaffold’s model', { name: 'scaffold' }],
    [
      'a cosine that falls to nothing but itself',
      { name: 'fedavg', serverSchedule: { kind: 'cosine', floorFraction: 1 } },
    ],
  ];
  const value = fc.float({ min: -4, max: 4, noNaN: true });
  const anyUpdate = fc
    .tuple(fc.integer({ min: 1, max: 5000 }), fc.tuple(value, value))
    .map(([count, delta]) => update(count, delta, [0, 0]));
  const cohort = fc.array(anyUpdate, { minLength: 1, maxLength: 4 });

  it.each(same)('%s', (_, strategy) => {
    fc.assert(
      fc.property(fc.tuple(value, value), cohort, cohort, (weights, ...rounds) => {
        const averaged = rounds.reduce<Float32Array>((current, updates) => {
          const sum = initFedAvg(2);
          for (const one of updates) addUpdate(sum, one);
          return applyFedAvg(sum, current);
        }, Float32Array.from(weights));
        expect(play(rulesOf(strategy), weights, rounds).weights).toEqual(averaged);
      }),
      { numRuns: 100 },
    );
  });
});

describe('every strategy', () => {
  const manifest = manifestWith([
    { kind: 'kernel', length: 2 },
    { kind: 'normScale', length: 1 },
    { kind: 'runningVariance', length: 1 },
  ]);
  const updates = [
    update(13, [0.1, -0.7, 0.3, 0.5], [0.3, 1, -1, 0]),
    update(200, [0.3, 1e-3, -0.1, 0.25], [0.1, -1, 2, 0]),
    update(57, [-0.21, 0.004, 0.2, 1], [5, 1, 0, 0]),
  ];

  describe.each(STRATEGY_NAMES)('%s', (name) => {
    const rules = rulesOf(name, { manifest, siteCount: 3 });
    const start = [0.9, -1.3, 1, 1];

    it('does not depend on the order of arrival, bit for bit', () => {
      const there = play(rules, start, [updates, updates]);
      const back = play(rules, start, [updates.toReversed(), updates.toReversed()]);
      expect(back).toEqual(there);
    });

    it('averages running statistics and leaves the given state as it was', () => {
      const state = initServer(rules, Float32Array.from(start));
      const before = structuredClone(state);
      const sum = newRoundSum(4, rules.strategy);
      for (const one of updates) addToRound(sum, one);
      const next = applyRound(rules, state, sum, 1);
      expect(state).toEqual(before);
      expect(next.weights[0]).not.toBe(start[0]);
      expect(next.weights[3]).toBeCloseTo(1 + (13 * 0.5 + 200 * 0.25 + 57) / 270, 6);
    });
  });

  it('goes on only from its own state', () => {
    const state = initServer(rulesOf('fedavg'), Float32Array.of(0, 0));
    for (const name of ['fedavgm', 'fedadam', 'scaffold'] as const) {
      const sum = newRoundSum(2, strategySchema.parse(name));
      addToRound(sum, update(1, [1, 1], [1, 1]));
      expect(() => applyRound(rulesOf(name), state, sum, 1), name).toThrow('cannot go on');
    }
  });

  it('fedbn wants a model with normalisation layers', () => {
    expect(() => initServer(rulesOf('fedbn'), Float32Array.of(0, 0))).toThrow('normalisation layers');
  });
});
