/** Every fault in a whole simulation: who is dropped, why, and that the round goes on without them. */
import { describe, expect, it } from 'vitest';
import { createModelSource } from '../../../simulations/pool/model-source.ts';
import { createInlinePool } from '../../../simulations/pool/pool.ts';
import { runFederation, type SimulationOutcome } from '../../../simulations/harness.ts';
import { federationReport } from '../../../simulations/report/federation-report.ts';
import { renderReport } from '../../../simulations/report/render-report.ts';
import type { SimulationInput } from '../../../simulations/simulation-config.ts';

type Faults = NonNullable<SimulationInput['faults']>['faults'];

function run(
  faults: Faults | undefined,
  change: Partial<Omit<SimulationInput, 'seed'>> = {},
): Promise<SimulationOutcome> {
  const input: SimulationInput = {
    images: 120,
    sites: 3,
    protection: 'box',
    rounds: 2,
    epochs: 1,
    compare: [],
    bootstrapReplicates: 100,
    seed: 5,
    architecture: { name: 'cnn', options: { filters: [4], dense: 4, normalization: 'none' } },
    ...(faults && { faults: { faults } }),
    ...change,
  };
  return runFederation(input, {}, { createPool: () => createInlinePool(createModelSource()) });
}

const dropsOf = ({ result }: SimulationOutcome): unknown =>
  result.rounds.map(({ dropped = [] }) => dropped.map(({ site, reason }) => `${site}: ${reason}`));

const atSite2 = { sites: ['site-2'], rounds: [1] };

describe('a fault at one site in one round', () => {
  it.each<[string, Faults[number]]>([
    ['not connected when the round began', { kind: 'drop', phase: 'selecting', ...atSite2 }],
    ['disconnected', { kind: 'drop', phase: 'advertising', ...atSite2 }],
    ['disconnected', { kind: 'drop', phase: 'training', ...atSite2 }],
    ['disconnected', { kind: 'drop', phase: 'uploading', ...atSite2 }],
    ['deadline', { kind: 'straggle', delayMs: 500_000_000, ...atSite2 }],
    ['disconnected', { kind: 'flap', phase: 'training', awayMs: 40_000, ...atSite2 }],
    ['wrong-shape', { kind: 'corrupt', how: 'wrong-shape', ...atSite2 }],
    ['non-finite', { kind: 'corrupt', how: 'nan', ...atSite2 }],
    ['bad-signature', { kind: 'corrupt', how: 'wrong-signature', ...atSite2 }],
  ])('drops that site in that round as %s: %j', async (reason, fault) => {
    const outcome = await run([fault]);
    expect(dropsOf(outcome)).toEqual([[`hospital 2: ${reason}`], []]);
    const [first, second] = outcome.result.rounds;
    expect(first).toMatchObject({ cohort: 3, survivors: 2, faults: [{ site: 'hospital 2' }] });
    expect(second?.survivors).toBe(3);
    expect(second?.faults).toBeUndefined();
  });

  it('drops that site: one bit of its update was changed', async () => {
    const outcome = await run([{ kind: 'corrupt', how: 'bit-flip', ...atSite2 }]);
    expect(outcome.result.rounds.map(({ survivors }) => survivors)).toEqual([2, 3]);
  });
});

describe('under secure aggregation', () => {
  const masked = { protection: 'secure-aggregation', sites: 6, images: 180 } as const;
  const clean = run(undefined, masked);

  it.each<[Extract<Faults[number], { kind: 'drop' }>['phase'], number]>([
    ['advertising', 5],
    ['sharing-keys', 5],
    ['training', 5],
    ['uploading', 5],
    // Its update is in the sum: what the others know takes its masks off.
    ['consistency', 6],
    ['unmasking', 6],
  ])(
    'a site that drops at %s: the round counts the others, and the next one all',
    async (phase, survivors) => {
      const outcome = await run([{ kind: 'drop', phase, ...atSite2 }], masked);
      expect(dropsOf(outcome)).toEqual([['hospital 2: disconnected'], []]);
      const [first, second] = outcome.result.rounds;
      expect(first).toMatchObject({ cohort: 6, survivors });
      expect(first?.faults).toEqual([{ site: 'hospital 2', fault: `connection lost (${phase})` }]);
      expect(second?.survivors).toBe(6);
      if (survivors === 6) expect(outcome.finalDigest).toBe((await clean).finalDigest);
    },
  );

  it.each(['advertising', 'sharing-keys', 'training', 'uploading', 'consistency', 'unmasking'] as const)(
    'a site whose connection comes back within its time at %s changes nothing',
    async (phase) => {
      const outcome = await run([{ kind: 'flap', phase, ...atSite2 }], masked);
      expect(dropsOf(outcome)).toEqual([[], []]);
      expect(outcome.finalDigest).toBe((await clean).finalDigest);
    },
  );
});

describe('a fault that a site recovers from', () => {
  it.each<Faults[number]>([
    { kind: 'straggle', delayMs: 60_000 },
    { kind: 'flap', phase: 'advertising' },
    { kind: 'flap', phase: 'training' },
    { kind: 'flap', phase: 'uploading' },
  ])('changes nothing about the result: %j', async (fault) => {
    const outcome = await run([fault]);
    expect(dropsOf(outcome)).toEqual([[], []]);
    expect(outcome.result.rounds[0]?.faults).toHaveLength(3);
    expect(outcome.finalDigest).toBe((await run(undefined)).finalDigest);
  });
});

describe('faults by chance', () => {
  const faults: Faults = [
    { kind: 'drop', phase: 'selecting', probability: 0.2 },
    { kind: 'drop', phase: 'training', probability: 0.2 },
  ];

  it('are the same in every run of the same seed', async () => {
    const [one, two] = [await run(faults, { rounds: 4 }), await run(faults, { rounds: 4 })];
    expect(dropsOf(one)).toEqual(dropsOf(two));
    expect(one.finalDigest).toBe(two.finalDigest);
  });

  it('that leave too few sites end an attempt, and the round is tried again', async () => {
    // With this seed the first attempt fails and a later one does not.
    const outcome = await run([{ kind: 'drop', phase: 'training', probability: 0.4 }], { rounds: 6 });
    const aborted = outcome.result.rounds.flatMap((round) => round.aborted ?? []);
    expect(aborted.length).toBeGreaterThan(0);
    expect(aborted[0]).toEqual({ attempt: 1, reason: 'survivors-below-minimum' });
  });

  it('at every site in every attempt end the simulation with the reason', async () => {
    await expect(run([{ kind: 'drop', phase: 'training' }])).rejects.toThrow('survivors-below-minimum');
  });

  it('are in the report: who, what and why', async () => {
    const { result } = await run([{ kind: 'corrupt', how: 'nan', ...atSite2 }]);
    const html = renderReport(federationReport(result));
    expect(html).toContain('corrupt update (nan)');
    expect(html).toContain('hospital 2: non-finite');
  });
});

it('a scenario that does not fit the sites is refused before the first round', async () => {
  await expect(run([{ kind: 'drop', phase: 'training', sites: ['Charité'] }])).rejects.toThrow('Charité');
});
