/** Whole federations under secure aggregation: against the same plan without masks, and with more sites than shares can number. */
import { describe, expect, it } from 'vitest';
import { verifyStatement, type SignedStatement } from '../../shared/crypto/statement.ts';
import { siteIdSchema, type SiteId } from '../../shared/ids.ts';
import { planSchema, type Plan } from '../../shared/protocol/plan.ts';
import type { StrategyInput } from '../../shared/protocol/strategy.ts';
import { planOf } from '../coordinator/fixtures.ts';
import { formulaUpdate, runMini } from '../simulations/virtual/mini-federation.ts';

const names = ['a', 'b', 'c', 'd', 'e'];
const federation = { minimumCohort: 5, minimumSurvivors: 4, rounds: 3 };
const sgd = { epochs: 1, optimizer: { kind: 'sgd' as const, momentum: 0 } };
type Bits = 32 | 16 | 8;

function planWith(mode: Plan['protection']['mode'], bits: Bits, strategy: StrategyInput = 'fedavg'): Plan {
  const ring = { bits, clipL2Norm: 4, exampleCap: 64 };
  return planOf(
    { ...federation, strategy },
    { parameterCount: 40, training: sgd, protection: { mode, ring } },
  );
}

/** Gives SCAFFOLD its second vector. */
const scaffoldTrainer = (siteId: SiteId) => ({
  train: ({
    weights,
    serverControl,
  }: {
    readonly weights: Float32Array;
    readonly serverControl?: Float32Array | undefined;
  }) => {
    const update = formulaUpdate(siteId, weights);
    return Promise.resolve(
      serverControl
        ? { ...update, controlDelta: update.delta.map((value, i) => value / 2 + (serverControl[i] ?? 0) / 3) }
        : update,
    );
  },
});

describe('secure aggregation', () => {
  it.each<[Bits, StrategyInput]>([
    [32, 'fedavg'],
    [16, 'fedavg'],
    [8, 'fedavg'],
    [32, 'fedadam'],
    [32, 'scaffold'],
  ])(
    'gives the same models as the plain mode in the same ring, bit for bit: %i bits, %s',
    async (bits, strategy) => {
      const sites = Object.fromEntries(
        names.map((name) => [name, { trainer: scaffoldTrainer(siteIdSchema.parse(name)) }]),
      );
      const run = (mode: Plan['protection']['mode']) =>
        runMini({ names, plan: planWith(mode, bits, strategy), sites });
      const masked = await run('secure-aggregation');
      const plain = await run('plain');
      const boxed = await run('box');
      expect(masked.end).toEqual({ kind: 'finished', because: 'all-rounds' });
      expect(masked.finalWeights).toEqual(plain.finalWeights);
      expect(boxed.finalWeights).toEqual(plain.finalWeights);
      // The mean of many sites moves somewhere.
      expect(masked.finalWeights.some((value) => value !== 0)).toBe(true);
    },
  );

  it('is close to the mean without a ring, and repeats itself', async () => {
    const plan = planWith('secure-aggregation', 32);
    const [first, second] = [await runMini({ names, plan }), await runMini({ names, plan })];
    const float = await runMini({
      names,
      plan: planOf(federation, { parameterCount: 40, training: sgd, protection: { mode: 'plain' } }),
    });
    expect(second.finalWeights).toEqual(first.finalWeights);
    first.finalWeights.forEach((value, i) => {
      expect(Math.abs(value - (float.finalWeights[i] ?? 0))).toBeLessThan(1e-6);
    });
  });

  it('tells the coordinator sums, and of no single site', async () => {
    const reports: object[] = [];
    const { records } = await runMini({
      names,
      plan: planWith('secure-aggregation', 32),
      hooks: { report: (_, report) => reports.push(report) },
    });
    expect(reports.filter((report) => 'figures' in report)).toEqual([]);
    // Σ n·loss / Σ n with n = 10·k up to a cap of 64 and a loss of 1/k.
    expect(records[0]).toMatchObject({ meanLoss: 50 / 150 });
  });

  it('300 sites mask and share with their neighbours on a graph', { timeout: 300_000 }, async () => {
    const many = Array.from({ length: 300 }, (_, i) => `s${String(i).padStart(3, '0')}`);
    const big = { minimumCohort: 300, minimumSurvivors: 1, rounds: 1 };
    const plan = (mode: Plan['protection']['mode']): Plan =>
      planOf(big, {
        parameterCount: 3,
        protection: { mode, ring: { bits: 32, clipL2Norm: 2, exampleCap: 16 } },
      });
    // One process: what one site has verified the others need not.
    const known = new Map<string, boolean>();
    const verify = (publicKey: Uint8Array, statement: SignedStatement): boolean => {
      const found = known.get(statement.signature) ?? verifyStatement(publicKey, statement);
      known.set(statement.signature, found);
      return found;
    };
    const trainer = {
      train: ({ weights }: { readonly weights: Float32Array }) =>
        Promise.resolve({ exampleCount: 10, meanLoss: 1, delta: weights.map(() => 0.25) }),
    };
    const sites = Object.fromEntries(many.map((name) => [name, { trainer, verify }]));
    const lost = new Set(['s007', 's123', 's250']);
    const masked = await runMini({
      names: many,
      plan: plan('secure-aggregation'),
      sites,
      network: {
        intercept: (direction, siteId, frame) =>
          direction === 'up' && lost.has(siteId) && frame.header.startsWith('{"type":"update"')
            ? []
            : [frame],
      },
    });
    expect(masked.records).toMatchObject([{ outcome: 'published' }]);
    const [record] = masked.records;
    expect(record?.outcome === 'published' ? record.survivors.length : 0).toBe(297);
    // Each value is rounded by less than one step of 2·300/2³¹; weights are 10 of 16 examples.
    const rounding = (600 / 2 ** 31 / 10) * 16 + 2 ** -24;
    for (const value of masked.finalWeights) expect(Math.abs(value - 0.25)).toBeLessThan(rounding);
  });
});

describe('what a plan refuses', () => {
  const issuesOf = (protection: object, more: object = {}): string[] => {
    const plan = planOf(federation, { parameterCount: 4, protection: { mode: 'box' } });
    const parsed = planSchema.safeParse({ ...plan, protection, federation: { ...plan.federation, ...more } });
    return parsed.success ? [] : parsed.error.issues.map(({ message }) => message);
  };
  it('is on where nothing is said', () => {
    const plan: Record<string, unknown> = { ...planOf(federation) };
    delete plan['protection'];
    expect(planSchema.parse(plan).protection).toMatchObject({
      mode: 'secure-aggregation',
      ring: { bits: 32 },
    });
  });
  it.each([
    ['two sites', {}, { minimumCohort: 2, minimumSurvivors: 2 }, 'at least 3 sites'],
    [
      'three sites without a word',
      {},
      { minimumCohort: 3, minimumSurvivors: 2 },
      '--acknowledge-small-cohort',
    ],
    ['a threshold of half', { threshold: 2 }, {}, 'above half'],
    ['a threshold above the cohort', { threshold: 6 }, {}, 'above half'],
    ['a bound on single updates', {}, { maximumUpdateL2Norm: 1 }, 'hides single updates'],
    ['a ring that is too narrow', { ring: { bits: 8 } }, { minimumCohort: 40 }, 'ring of 8 bits'],
  ])('%s', (_, protection, more, message) => {
    expect(issuesOf({ mode: 'secure-aggregation', ...protection }, more).join()).toContain(message);
  });
  it('takes three sites where that is acknowledged, and five without', () => {
    const acknowledged = { mode: 'secure-aggregation', smallCohortAcknowledged: true };
    expect(issuesOf(acknowledged, { minimumCohort: 3, minimumSurvivors: 2 })).toEqual([]);
    expect(issuesOf({ mode: 'secure-aggregation' })).toEqual([]);
  });
});
