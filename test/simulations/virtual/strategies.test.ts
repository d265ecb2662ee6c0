/**
 * Strategies through the real run, rounds, sessions and codec, on problems whose answers are known: site i has the loss
 * ½·aᵢ·(w − bᵢ)² in each weight and makes a few steps of gradient descent.
 */
import { describe, expect, it } from 'vitest';
import { localMethod } from '../../../client/training/local-method.ts';
import type { LocalTrainer } from '../../../client/training/local-update.ts';
import { siteMessageSchema } from '../../../shared/protocol/messages.ts';
import type { Plan } from '../../../shared/protocol/plan.ts';
import { STRATEGY_NAMES, type StrategyInput } from '../../../shared/protocol/strategy.ts';
import type { Frame } from '../../../shared/protocol/codec.ts';
import { planOf, sites } from '../../coordinator/fixtures.ts';
import { manifestWith } from '../../shared/learning/training/manifests.ts';
import { runMini, type MiniOptions, type MiniResult } from './mini-federation.ts';

const STEPS = 10;
const RATE = 0.1;
const manifest = manifestWith([{ kind: 'kernel', length: 4 }]);

interface Quadratic {
  readonly curvature: number;
  readonly centre: number;
  readonly exampleCount: number;
}
const problems: Readonly<Record<string, Quadratic>> = {
  a: { curvature: 1, centre: 0, exampleCount: 10 },
  b: { curvature: 4, centre: 1, exampleCount: 30 },
};
/** Where Σ nᵢ·aᵢ·(w − bᵢ) = 0. */
const OPTIMUM = (30 * 4) / (10 + 30 * 4);

const descent = ({ curvature, centre, exampleCount }: Quadratic): LocalTrainer => ({
  train: ({ plan, weights, serverControl, state }) => {
    const { strategy } = plan.federation;
    const method = localMethod({ strategy, manifest, weights, serverControl, state });
    const local = method.startWeights.slice();
    for (let step = 0; step < STEPS; step++) {
      const gradients = local.map((w) => curvature * (w - centre));
      for (const hook of method.hooks) hook(gradients, local);
      gradients.forEach((g, i) => (local[i] = (local[i] ?? 0) - RATE * g));
    }
    const contribution = method.contribution(local, STEPS * RATE);
    return Promise.resolve({ exampleCount, meanLoss: 0, ...contribution });
  },
});

const planWith = (strategy: StrategyInput, rounds: number): Plan =>
  planOf({ rounds, strategy }, { training: { optimizer: { kind: 'sgd', momentum: 0 } } });

function run(plan: Plan, options: MiniOptions = {}): Promise<MiniResult> {
  const trainers = Object.entries(problems).map(
    ([name, problem]) => [name, { trainer: descent(problem) }] as const,
  );
  return runMini({ plan, names: Object.keys(problems), sites: Object.fromEntries(trainers), ...options });
}

/** SCAFFOLD as plain loops over numbers. */
function naiveScaffold(rounds: number): number {
  const total = 40;
  const controls = new Map(Object.keys(problems).map((name) => [name, 0]));
  let [x, c] = [0, 0];
  for (let round = 0; round < rounds; round++) {
    let [dx, dc] = [0, 0];
    for (const [name, { curvature, centre, exampleCount }] of Object.entries(problems)) {
      const ci = controls.get(name) ?? 0;
      let y = x;
      for (let step = 0; step < STEPS; step++) y -= RATE * (curvature * (y - centre) - ci + c);
      const next = ci - c + (x - y) / (STEPS * RATE);
      dx += (exampleCount / total) * (y - x);
      dc += (exampleCount / total) * (next - ci);
      controls.set(name, next);
    }
    x += dx;
    c += dc;
  }
  return x;
}

describe('SCAFFOLD', () => {
  it.each([1, 2, 5])('does in %i rounds what plain loops do', async (rounds) => {
    const { finalWeights } = await run(planWith('scaffold', rounds));
    for (const weight of finalWeights) expect(weight).toBeCloseTo(naiveScaffold(rounds), 5);
  });

  it('finds the optimum of all sites where FedAvg drifts past it', async () => {
    const [scaffold, fedAvg] = [await run(planWith('scaffold', 60)), await run(planWith('fedavg', 60))];
    expect(scaffold.finalWeights[0]).toBeCloseTo(OPTIMUM, 4);
    expect(Math.abs((fedAvg.finalWeights[0] ?? 0) - OPTIMUM)).toBeGreaterThan(0.02);
  });

  it('begins as FedAvg: the first round’s control variates are zero', async () => {
    const [scaffold, fedAvg] = [await run(planWith('scaffold', 1)), await run(planWith('fedavg', 1))];
    expect(scaffold.finalWeights).toEqual(fedAvg.finalWeights);
  });

  it('takes an attempt that was aborted as one that never was', async () => {
    const plan = planWith('scaffold', 3);
    const undisturbed = await run(plan);
    // The first update of b in round 2 gets lost; a has been told that its own is accepted.
    let lost = 0;
    const intercept = (way: string, siteId: string, frame: Frame): readonly Frame[] => {
      if (way === 'down' || siteId !== 'b' || !frame.payload) return [frame];
      const header: unknown = JSON.parse(frame.header);
      const { context } = siteMessageSchema.parse(Object.assign({}, header, { payload: frame.payload }));
      if (context.round !== 2 || context.attempt !== 1) return [frame];
      lost++;
      return [];
    };
    const disturbed = await run(plan, { network: { intercept } });
    expect(lost).toBe(1);
    expect(disturbed.records.map(({ round, outcome }) => [round, outcome])).toEqual([
      [1, 'published'],
      [2, 'aborted'],
      [2, 'published'],
      [3, 'published'],
    ]);
    expect(disturbed.finalWeights).toEqual(undisturbed.finalWeights);
  });

  it('is refused by a site that is sent another control variate than the one announced', async () => {
    const plan = planOf(
      { rounds: 1, strategy: 'scaffold', minimumSurvivors: 1 },
      { training: { optimizer: { kind: 'sgd', momentum: 0 } } },
    );
    const intercept = (way: string, siteId: string, frame: Frame): readonly Frame[] => {
      if (way === 'up' || siteId !== 'b' || !frame.payload) return [frame];
      return [{ ...frame, payload: frame.payload.with(frame.payload.length - 1, 7) }];
    };
    const result = await run(plan, { network: { intercept } });
    expect(result.records[0]).toMatchObject({ outcome: 'published', survivors: sites('a') });
    expect(result.reports.map(({ report }) => report)).toContainEqual(
      expect.objectContaining({ kind: 'refused', reason: 'model-hash-mismatch' }),
    );
  });

  it('drops a site whose update has no second vector', async () => {
    const plan = planOf(
      { rounds: 1, strategy: 'scaffold', minimumSurvivors: 1 },
      { training: { optimizer: { kind: 'sgd', momentum: 0 } } },
    );
    const honest = descent(problems['a'] ?? { curvature: 1, centre: 0, exampleCount: 1 });
    const forgetful: LocalTrainer = {
      train: async (request) => {
        const { exampleCount, meanLoss, delta } = await honest.train(request);
        return { exampleCount, meanLoss, delta };
      },
    };
    const result = await run(plan, { sites: { a: { trainer: honest }, b: { trainer: forgetful } } });
    expect(result.records[0]).toMatchObject({ dropped: [{ siteId: 'b', reason: 'wrong-shape' }] });
  });
});

describe('what equals FedAvg in a whole run', () => {
  it.each<[string, StrategyInput]>([
    ['FedProx with μ = 0', { name: 'fedprox', mu: 0 }],
    ['FedAvgM with β = 0 and η = 1', { name: 'fedavgm', momentum: 0, serverLearningRate: 1 }],
  ])('%s', async (_, strategy) => {
    const [other, fedAvg] = [await run(planWith(strategy, 4)), await run(planWith('fedavg', 4))];
    expect(other.finalWeights).toEqual(fedAvg.finalWeights);
  });

  it('but FedProx with a large μ stays nearer to where it began', async () => {
    const near = await run(planWith({ name: 'fedprox', mu: 5 }, 1));
    const far = await run(planWith('fedavg', 1));
    expect(Math.abs(near.finalWeights[0] ?? 0)).toBeLessThan(0.5 * Math.abs(far.finalWeights[0] ?? 0));
  });
});

describe('every strategy', () => {
  // FedBN needs a model with normalisation layers; `server.test.ts` has its arithmetic.
  it.each(STRATEGY_NAMES.filter((name) => name !== 'fedbn'))(
    '%s gives bit-identical weights whichever site is faster',
    async (name) => {
      const plan = planWith(name, 3);
      const [ahead, behind] = await Promise.all(
        [300, 1].map((slow) =>
          run(plan, { network: { latencyMs: (siteId) => (siteId === 'a' ? slow : 301 - slow) } }),
        ),
      );
      expect(ahead?.finalWeights).toEqual(behind?.finalWeights);
      expect(ahead?.finalWeights[0]).not.toBe(0);
    },
  );

  it('is refused before the first round when the model does not fit it', async () => {
    await expect(run(planWith('fedbn', 1))).rejects.toThrow('normalisation layers');
  });
});
