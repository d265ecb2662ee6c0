/** Sites that set some of their images aside, and a federation that hides nothing, from the configuration to the figures. */
import { describe, expect, it } from 'vitest';
import { PLAIN_PROTECTION_WARNING } from '../../../shared/protocol/protection.ts';
import { runFederation } from '../../../simulations/harness.ts';
import { createModelSource } from '../../../simulations/pool/model-source.ts';
import { createInlinePool } from '../../../simulations/pool/pool.ts';
import { parseSimulation, type SimulationInput } from '../../../simulations/simulation-config.ts';
import { prepareData } from '../../../simulations/virtual/prepare.ts';

const tiny: SimulationInput = {
  images: 120,
  sites: 3,
  protection: 'box',
  rounds: 2,
  epochs: 1,
  architecture: { name: 'cnn', options: { filters: [4, 8], dense: 8, dropout: 0, normalization: 'group' } },
  bootstrapReplicates: 100,
  compare: [],
  workers: 1,
  seed: 4,
};
const services = { createPool: () => createInlinePool(createModelSource()) };

describe('images that sites set aside', () => {
  it('are taken from their training images, by patient, and from nothing else', async () => {
    const none = await prepareData(parseSimulation(tiny));
    const some = await prepareData(parseSimulation({ ...tiny, localValidation: 0.25 }));
    expect(none.sites.map(({ validation }) => validation)).toEqual([undefined, undefined, undefined]);
    some.sites.forEach(({ data, validation, classCounts }, index) => {
      const all = none.sites[index]?.data.count ?? 0;
      expect(data.count + (validation?.count ?? 0)).toBe(all);
      expect((validation?.count ?? 0) / all).toBeCloseTo(0.25, 0);
      expect(validation?.count).toBeGreaterThan(0);
      expect(classCounts.reduce((a, b) => a + b, 0)).toBe(data.count);
    });
    expect(some.pooled.count).toBe(some.sites.reduce((sum, { data }) => sum + data.count, 0));
    expect(some.validation).toEqual(none.validation);
    expect(some.test).toEqual(none.test);
    expect(some.summary.splits.map(({ name }) => name)).toContain('local validation (all sites)');
  });

  it('give the federation a verdict of its own in every round', async () => {
    const { result } = await runFederation({ ...tiny, localValidation: 0.25 }, {}, services);
    for (const { localValidation, sites } of result.rounds) {
      const own = sites?.map(({ validation }) => validation) ?? [];
      expect(own).toHaveLength(3);
      const accuracies = own.map((validation) => validation?.accuracy ?? Number.NaN);
      expect(localValidation?.accuracy).toBeGreaterThanOrEqual(Math.min(...accuracies));
      expect(localValidation?.accuracy).toBeLessThanOrEqual(Math.max(...accuracies));
      expect(localValidation?.exampleCount).toBeGreaterThan(2);
    }
  });
});

describe('a federation without protection', () => {
  it('has the same weights as with a box, and says in its result that nothing hides the updates', async () => {
    const boxed = await runFederation(tiny, {}, services);
    const notices: string[] = [];
    const plain = await runFederation(
      { ...tiny, protection: 'plain' },
      {
        onProgress: (progress) => {
          if (progress.kind === 'notice') notices.push(progress.text);
        },
      },
      services,
    );
    expect(plain.finalDigest).toBe(boxed.finalDigest);
    expect(plain.plan.protection).toEqual({ mode: 'plain' });
    expect(notices).toContain(PLAIN_PROTECTION_WARNING);
    expect(plain.result.notes).toContain(PLAIN_PROTECTION_WARNING);
    expect(boxed.result.notes).not.toContain(PLAIN_PROTECTION_WARNING);
  });
});
