/** A run that is stopped after any round goes on to the very result that it would have had. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runFederation, type SimulationOutcome } from '../../../simulations/harness.ts';
import type { RoundResult } from '../../../simulations/report/result-types.ts';
import { openStoppedRun } from '../../../simulations/run-folder.ts';
import { parseSimulation, type SimulationInput } from '../../../simulations/simulation-config.ts';
import { createModelSource } from '../../../simulations/pool/model-source.ts';
import { createInlinePool } from '../../../simulations/pool/pool.ts';
import { beginRun } from '../../../simulations/study/run-one.ts';

const ROUNDS = 4;
const base = {
  images: 160,
  sites: 3,
  protection: 'box',
  rounds: ROUNDS,
  epochs: 1,
  compare: [],
  bootstrapReplicates: 100,
  workers: 1,
  seed: 5,
  architecture: {
    name: 'cnn' as const,
    options: { filters: [4], dense: 8, normalization: 'batch' as const },
  },
} satisfies SimulationInput;

/** Each carries something else from round to round. */
const inputs: Readonly<Record<string, SimulationInput>> = {
  fedavg: { ...base, compare: [] },
  fedavgm: { ...base, compare: [], strategy: 'fedavgm' },
  fedyogi: { ...base, compare: [], strategy: 'fedyogi' },
  fedbn: { ...base, compare: [], strategy: 'fedbn' },
  scaffold: {
    ...{ ...base, compare: [], strategy: 'scaffold' },
    training: { optimizer: { kind: 'sgd', momentum: 0 }, learningRate: 0.05 },
  },
  'fedbn with faults': {
    ...{ ...base, compare: [], strategy: 'fedbn' },
    faults: {
      faults: [
        { kind: 'drop', phase: 'training', probability: 0.3 },
        { kind: 'flap', phase: 'uploading', probability: 0.3 },
        { kind: 'corrupt', how: 'nan', sites: ['site-2'], rounds: [2] },
      ],
    },
  },
};

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'consilium-resume-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const inline = { createPool: () => createInlinePool(createModelSource()) };

/** Stops by the signal as soon as round `lastRound` is reported. */
async function runUntil(path: string, input: SimulationInput, lastRound: number): Promise<void> {
  const controller = new AbortController();
  const { folder: run } = await beginRun(path, parseSimulation(input));
  const stopped = runFederation(
    input,
    {
      signal: controller.signal,
      onProgress: (progress) => {
        if (progress.kind !== 'round') return;
        run.appendRound(progress.result);
        if (progress.result.round === lastRound) controller.abort();
      },
    },
    { ...inline, save: (checkpoint) => run.checkpoint.save(checkpoint) },
  );
  await expect(stopped).rejects.toMatchObject({ code: 'STOPPED' });
}

/** Bytes differ by the length of numbers in headers, times by the machine. */
const withoutTimes = (rounds: readonly RoundResult[]): unknown =>
  rounds.map((round) => ({ ...round, durationMs: 0, bytesUp: 0, bytesDown: 0, traffic: [] }));

const figures = ({ finalDigest, result }: SimulationOutcome): unknown => ({
  finalDigest,
  kept: result.weightsDigest,
  bestRound: result.bestRound,
  test: result.test,
  rounds: withoutTimes(result.rounds),
});

describe.each(Object.keys(inputs))('%s', (name) => {
  const input = inputs[name] ?? base;
  let whole: SimulationOutcome;
  beforeAll(async () => {
    whole = await runFederation(input, {}, inline);
  });

  it.each([1, ROUNDS - 1])('stopped after round %i has the same result', async (rounds) => {
    const path = join(folder, `${name}-${String(rounds)}`);
    await runUntil(path, input, rounds);
    const { config, from, folder: run } = await openStoppedRun(path);
    expect(from?.rounds).toHaveLength(rounds);
    const resumed = await runFederation(config, {}, { ...inline, ...(from && { from }) });
    expect(figures(resumed)).toEqual(figures(whole));
    await run.finish(resumed);
    await expect(openStoppedRun(path)).rejects.toThrow('is finished');
  });
});

describe('a run that was stopped', () => {
  const input = inputs['fedavg'] ?? base;

  it('goes on with another number of workers, to the same result', async () => {
    const path = join(folder, 'workers');
    await runUntil(path, input, 2);
    const { config, from } = await openStoppedRun(path);
    const resumed = await runFederation({ ...config, workers: 2 }, {}, { ...(from && { from }) });
    expect(resumed.finalDigest).toBe((await runFederation(input, {}, inline)).finalDigest);
  });

  it('is refused by the name of the file when its checkpoint is damaged', async () => {
    const path = join(folder, 'damaged');
    await runUntil(path, input, 1);
    const file = join(path, 'checkpoint.bin');
    const bytes = await readFile(file);
    await writeFile(file, bytes.subarray(0, bytes.length - 7));
    await expect(openStoppedRun(path)).rejects.toMatchObject({
      code: 'DATA',
      message: expect.stringContaining(file) as unknown,
    });
  });

  it('gives up lines of rounds.jsonl that came after the checkpoint', async () => {
    const path = join(folder, 'lines');
    await runUntil(path, input, 2);
    const file = join(path, 'rounds.jsonl');
    const lines = await readFile(file, 'utf8');
    await writeFile(file, `${lines}{"round": 3, "cut sh`);
    await openStoppedRun(path);
    expect(await readFile(file, 'utf8')).toBe(lines);
  });

  it('is refused when its configuration is another', async () => {
    const path = join(folder, 'other');
    await runUntil(path, input, 1);
    const { config, from } = await openStoppedRun(path);
    const other = { ...config, training: { ...config.training, learningRate: 0.5 } };
    await expect(runFederation(other, {}, { ...inline, ...(from && { from }) })).rejects.toThrow(
      'another plan',
    );
  });

  it('is refused where there is none', async () => {
    await expect(openStoppedRun(join(folder, 'nothing'))).rejects.toThrow('config.json');
  });
});
