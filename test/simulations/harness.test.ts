import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readModelFile } from '../../shared/learning/graph/model-file.ts';
import { weightsDigest } from '../../shared/learning/weights.ts';
import { runFederation, type SimulationOutcome } from '../../simulations/harness.ts';
import type { SimulationProgress } from '../../simulations/progress.ts';
import { createRunFolder } from '../../simulations/run-folder.ts';
import { parseSimulation, type SimulationInput } from '../../simulations/simulation-config.ts';
import { readEvents } from './tensorboard/read-events.ts';

/** As small as a federation can be that still learns something. */
const tiny: SimulationInput = {
  images: 160,
  sites: 3,
  protection: 'box',
  rounds: 2,
  architecture: { name: 'cnn', options: { filters: [4, 8], dense: 8, dropout: 0.2, normalization: 'group' } },
  training: { learningRate: 0.01 },
  bootstrapReplicates: 100,
  seed: 5,
};

const digests = ({ finalDigest, result }: SimulationOutcome): unknown => ({
  finalDigest,
  kept: result.weightsDigest,
  test: result.test,
  losses: result.rounds.map(({ loss, validation }) => ({ loss, validation })),
});

describe('a simulation', () => {
  let reference: SimulationOutcome;
  const told: SimulationProgress[] = [];
  beforeAll(async () => {
    reference = await runFederation(
      { ...tiny, workers: 1 },
      { onProgress: (progress) => told.push(progress) },
    );
  });

  it.each([2, 4])('has the same weights and figures with %i workers', async (workers) => {
    expect(digests(await runFederation({ ...tiny, workers }))).toEqual(digests(reference));
  });

  it('has others with another seed, and the same in another run without comparison', async () => {
    const repeated = await runFederation({ ...tiny, workers: 1, compare: [] });
    expect(repeated.finalDigest).toBe(reference.finalDigest);
    expect(repeated.result.test).toEqual({ federated: reference.result.test.federated });
    const other = await runFederation({ ...tiny, workers: 1, compare: [], seed: 6 });
    expect(other.finalDigest).not.toBe(reference.finalDigest);
  });

  it('cuts the test set first, trains on what is left, and compares three ways', () => {
    const { dataset, sites, test, rounds, bestRound } = reference.result;
    const total = (counts: readonly number[]): number => counts.reduce((a, b) => a + b, 0);
    const [training, validation, heldOut] = dataset.splits.map(({ counts }) => total(counts));
    expect(sites.map(({ classCounts }) => total(classCounts)).reduce((a, b) => a + b, 0)).toBe(training);
    expect((training ?? 0) + (validation ?? 0) + (heldOut ?? 0)).toBe(160);
    expect(test.federated.exampleCount).toBe(heldOut);
    expect(test.local).toHaveLength(3);
    expect(test.pooled?.metrics.auc.interval).toBeDefined();
    expect(rounds.map(({ round, survivors }) => [round, survivors])).toEqual([
      [1, 3],
      [2, 3],
    ]);
    expect([1, 2]).toContain(bestRound);
    expect(weightsDigest(reference.weights)).toBe(reference.result.weightsDigest);
  });

  it('tests every site on its own share of the held-out images, and counts what each sent', () => {
    const { siteTests = [], test, gains, rounds } = reference.result;
    expect(siteTests.map(({ site }) => site)).toEqual(['hospital 1', 'hospital 2', 'hospital 3']);
    const images = siteTests.map(({ classCounts }) => classCounts.reduce((a, b) => a + b, 0));
    expect(images.reduce((a, b) => a + b, 0)).toBe(test.federated.exampleCount);
    // What the shares say together is what the whole test set says.
    const right = siteTests.map(
      ({ figures }, i) => (figures.federated?.accuracy.value ?? NaN) * (images[i] ?? 0),
    );
    const whole = test.federated.metrics.accuracy.value ?? NaN;
    expect(right.reduce((a, b) => a + b, 0)).toBeCloseTo(whole * test.federated.exampleCount, 9);
    for (const { figures, gain } of siteTests)
      expect(gain?.value).toBeCloseTo(
        (figures.federated?.accuracy.value ?? NaN) - (figures.local?.accuracy.value ?? NaN),
        12,
      );
    const alone = (test.local ?? []).map(({ evaluation }) => evaluation.metrics.accuracy.value ?? NaN);
    expect(gains?.overLocal?.value).toBeCloseTo(whole - alone.reduce((a, b) => a + b, 0) / alone.length, 12);
    for (const { traffic = [], bytesUp } of rounds)
      expect(traffic.map((site) => site.bytesUp).reduce((a, b) => a + b, 0)).toBe(bytesUp);
  });

  it('tells its stages, its rounds and that the images are synthetic', () => {
    const stages = told.flatMap((progress) => (progress.kind === 'stage' ? [progress.stage] : []));
    expect(stages).toEqual(['data', 'federation', 'comparison', 'test']);
    expect(told.filter(({ kind }) => kind === 'round')).toHaveLength(2);
    const notices = told.flatMap((progress) => (progress.kind === 'notice' ? [progress.text] : []));
    expect(notices.join(' ')).toContain('synthetic');
    expect(reference.result.dataset.synthetic).toBe(true);
  });

  it('leaves a folder that says everything, with the model as ONNX', async () => {
    const path = join(folder, 'run');
    const run = await createRunFolder(path);
    for (const round of reference.result.rounds) run.appendRound(round);
    await run.finish(reference);
    expect((await readdir(path)).sort()).toEqual([
      'config.json',
      'environment.json',
      'metrics.csv',
      'metrics.json',
      'model',
      'model-card.json',
      'model-card.md',
      'plan.json',
      'report.html',
      'rounds.csv',
      'rounds.jsonl',
      'sites.csv',
      'tensorboard',
    ]);
    const events = await readFile(join(path, 'tensorboard', 'federation', 'events.out.tfevents.consilium'));
    // The version, two rounds, the test.
    expect(readEvents(events)).toHaveLength(4);
    const environment: unknown = JSON.parse(await readFile(join(path, 'environment.json'), 'utf8'));
    expect(environment).toMatchObject({ engine: 'onnx', workers: 1, node: process.version });
    expect(environment).toHaveProperty('device');
    const lines = (await readFile(join(path, 'rounds.jsonl'), 'utf8')).trim().split('\n');
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual(reference.result.rounds);
    const config: unknown = JSON.parse(await readFile(join(path, 'config.json'), 'utf8'));
    expect(parseSimulation(config)).toEqual(reference.config);
    expect(await readdir(join(path, 'model', 'layers-model'))).toContain('model.json');
    const file = readModelFile(new Uint8Array(await readFile(join(path, 'model', 'model.onnx'))));
    expect(weightsDigest(file.weights)).toBe(reference.result.weightsDigest);
    await expect(createRunFolder(path)).rejects.toThrow('not empty');
  });

  it('stops when it is told to, and leaves nothing running', async () => {
    const controller = new AbortController();
    const stopped = runFederation(
      { ...tiny, rounds: 1000, workers: 2 },
      {
        signal: controller.signal,
        onProgress: ({ kind }) => {
          if (kind === 'round') controller.abort();
        },
      },
    );
    await expect(stopped).rejects.toMatchObject({ code: 'STOPPED' });
  });

  it.each([
    [{ sites: 0 }, 'sites'],
    [{ rounds: 1.5 }, 'rounds'],
    [{ workers: 1000 }, 'workers'],
    [{ hospitals: 5 }, 'hospitals'],
    [{ engine: 'abacus' }, 'engine'],
    [{ partition: { kind: 'fair' } }, 'partition'],
    [{ partition: 'natural', dataset: 'medmnist:breastmnist' }, 'which site'],
  ])('refuses %j before anything starts', async (change, field) => {
    await expect(runFederation({ ...tiny, ...change } as SimulationInput)).rejects.toThrow(field);
  });

  it('names what cannot be dealt out', async () => {
    const crowded = { ...tiny, sites: 50, partition: { kind: 'iid' as const }, minimumPerSite: 20 };
    await expect(runFederation(crowded)).rejects.toThrow('at least 20');
  });
});

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'consilium-simulate-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command from its sources; `watch` sees what it says while it runs. */
function simulate(
  args: readonly string[],
  watch?: (said: string, interrupt: () => void) => void,
): Promise<Ended> {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', 'simulations/main.ts', ...args], { cwd: root });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
    watch?.(stderr, () => child.kill('SIGINT'));
  });
  return new Promise((resolve) => {
    child.on('close', (code, signal) => {
      resolve({ code, signal, stdout, stderr });
    });
  });
}

describe('the command', () => {
  it('prints the comparison as JSON and names the folder', async () => {
    const out = join(folder, 'command');
    const size = ['--images', '120', '--sites', '3', '--acknowledge-small-cohort', '--rounds', '1'];
    const args = [...size, '--workers', '1', '--seed', '3'];
    const ended = await simulate([...args, '--json', '--out', out]);
    expect(ended.stderr).toContain('round 1/1');
    expect(ended.code).toBe(0);
    expect(JSON.parse(ended.stdout)).toMatchObject({
      seed: 3,
      folder: out,
      test: [{ label: 'Local only' }, { label: 'Federated' }, { label: 'Pooled' }],
    });
  });

  it('ends cleanly on Ctrl-C in the middle of training', async () => {
    let interrupted = false;
    const ended = await simulate(
      ['--rounds', '1000', '--images', '400', '--out', join(folder, 'interrupted')],
      (said, interrupt) => {
        if (interrupted || !said.includes('round 1/1000')) return;
        interrupted = true;
        interrupt();
      },
    );
    expect(ended).toMatchObject({ code: 130, signal: null, stdout: '' });
    expect(ended.stderr).toContain('Stopped.');
  });

  it.each([
    [['--alpha', '0.5', '--partition', 'iid'], '--alpha belongs to'],
    [['--dataset', 'medmnist:catmnist'], 'catmnist'],
  ])('refuses %j and says why', async (args, reason) => {
    const out = join(folder, args.join('').replaceAll(/\W/g, ''));
    const ended = await simulate([...args, '--out', out]);
    expect(ended.code).toBe(2);
    expect(ended.stderr).toContain(reason);
  });
});
