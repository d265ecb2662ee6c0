/** Simulations that count classes first: any number of workers, stopped anywhere, faults, and what the report says of it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runFederation, type SimulationOutcome } from '../../simulations/harness.ts';
import { createModelSource } from '../../simulations/pool/model-source.ts';
import { createInlinePool } from '../../simulations/pool/pool.ts';
import type { SimulationProgress } from '../../simulations/progress.ts';
import { federationReport } from '../../simulations/report/federation-report.ts';
import { renderReport } from '../../simulations/report/render-report.ts';
import { openStoppedRun } from '../../simulations/run-folder.ts';
import { parseSimulation, type SimulationInput } from '../../simulations/simulation-config.ts';
import { beginRun } from '../../simulations/study/run-one.ts';
import { weightsDigest } from '../../shared/learning/weights.ts';

const base = {
  images: 160,
  sites: 5,
  rounds: 2,
  epochs: 1,
  compare: [],
  bootstrapReplicates: 100,
  workers: 1,
  seed: 5,
  architecture: {
    name: 'cnn' as const,
    options: { filters: [4], dense: 8, normalization: 'group' as const },
  },
  training: { classWeighting: { kind: 'federated' as const }, logitAdjustmentTau: 0.5 },
} satisfies SimulationInput;

const inline = { createPool: () => createInlinePool(createModelSource()) };
let folder = '';
let whole: SimulationOutcome;
const told: SimulationProgress[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'consilium-counts-'));
  whole = await runFederation(base, { onProgress: (progress) => told.push(progress) }, inline);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const figures = ({ finalDigest, result }: SimulationOutcome): unknown => ({
  finalDigest,
  kept: result.weightsDigest,
  test: result.test,
  counts: result.counts,
  losses: result.rounds.map(({ loss, validation }) => ({ loss, validation })),
});
const sumOver = ({ result }: SimulationOutcome): number[] =>
  result.dataset.classNames.map((_, label) =>
    result.sites.reduce((total, { classCounts }) => total + (classCounts[label] ?? 0), 0),
  );

describe('a simulation that counts first', () => {
  it('finds what the sites have together, and says so', () => {
    expect(whole.result.counts).toEqual({
      classCounts: sumOver(whole),
      cohort: 5,
      survivors: 5,
      dropped: [],
    });
    expect(told.filter(({ kind }) => kind === 'counted')).toHaveLength(1);
    expect(whole.result.rounds.map(({ round }) => round)).toEqual([1, 2]);
    expect(renderReport(federationReport(whole.result))).toContain('were counted before the first round');
  });

  it('has the same result with two workers', async () => {
    expect(figures(await runFederation({ ...base, workers: 2 }))).toEqual(figures(whole));
  });

  it('has another without the counts in its training', async () => {
    const training = { ...base.training, classWeighting: { kind: 'none' as const } };
    const other = await runFederation({ ...base, training }, {}, inline);
    expect(other.finalDigest).not.toBe(whole.finalDigest);
    expect(other.result.counts).toEqual(whole.result.counts);
  });

  it('keeps and tests the model with the prior taken off, and goes on training the one without', async () => {
    const training = { ...base.training, logitAdjustmentTau: 0 };
    const plain = await runFederation({ ...base, training }, {}, inline);
    expect(plain.finalDigest).toBe(whole.finalDigest);
    expect(weightsDigest(whole.weights)).toBe(whole.result.weightsDigest);
    expect(plain.result.bestRound).toBe(whole.result.bestRound);
    const changed = whole.weights.filter((value, i) => value !== plain.weights[i]);
    expect(changed.length).toBeGreaterThan(0);
    expect(changed.length).toBeLessThanOrEqual(whole.result.dataset.classNames.length);
  });

  it.each(['counted', 'round'] as const)(
    'stopped after %s, goes on to the same result without counting again',
    async (after) => {
      const path = join(folder, after);
      const controller = new AbortController();
      const { folder: run } = await beginRun(path, parseSimulation(base));
      const stopped = runFederation(
        base,
        {
          signal: controller.signal,
          onProgress: (progress) => {
            if (progress.kind === after) controller.abort();
          },
        },
        { ...inline, save: (checkpoint) => run.checkpoint.save(checkpoint) },
      );
      await expect(stopped).rejects.toMatchObject({ code: 'STOPPED' });
      const { config, from } = await openStoppedRun(path);
      expect(from?.rounds).toHaveLength(after === 'counted' ? 0 : 1);
      const again: SimulationProgress[] = [];
      const hooks = { onProgress: (progress: SimulationProgress) => again.push(progress) };
      const resumed = await runFederation(config, hooks, { ...inline, ...(from && { from }) });
      expect(figures(resumed)).toEqual(figures(whole));
      expect(again.filter(({ kind }) => kind === 'counted')).toEqual([]);
    },
  );

  it('goes on without a site that is gone while the others count, and with it afterwards', async () => {
    const faults = {
      faults: [{ kind: 'drop' as const, phase: 'training' as const, sites: ['site-2'], rounds: [0] }],
    };
    const { result } = await runFederation({ ...base, sites: 6, faults }, {}, inline);
    expect(result.counts).toMatchObject({ cohort: 6, survivors: 5, dropped: [{ reason: 'disconnected' }] });
    const [first] = result.rounds;
    expect(first?.survivors).toBe(6);
  });
});
