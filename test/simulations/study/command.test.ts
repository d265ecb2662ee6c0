/** The command's studies, configuration files and resumption, from its sources. */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';

const root = fileURLToPath(new URL('../../..', import.meta.url));
let folder = '';
let config = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'consilium-study-'));
  config = join(folder, 'tiny.yaml');
  await writeFile(
    config,
    `images: 120
sites: 3
protection: box
rounds: 2
epochs: 1
workers: 1
seed: 5
compare: [local]
partition: dirichlet:0.5
bootstrapReplicates: 100
architecture: { name: cnn, options: { filters: [4], dense: 4 } }
faults: simulations/faults/corrupt.yaml
`,
  );
});
afterAll(() => rm(folder, { recursive: true, force: true }));

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function simulate(
  args: readonly string[],
  watch?: (said: string, interrupt: () => void) => void,
): Promise<Ended> {
  const child = spawn(process.execPath, ['--import', 'tsx', 'simulations/main.ts', ...args], { cwd: root });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
    watch?.(stderr, () => child.kill('SIGINT'));
  });
  return new Promise((resolve) => {
    child.on('close', (code) => {
      resolve({ code, stdout, stderr });
    });
  });
}

const readJson = async (path: string): Promise<unknown> => JSON.parse(await readFile(path, 'utf8'));
const digestSchema = z.looseObject({ finalDigest: z.string() });

describe('a study', () => {
  it('runs every combination with every seed, each in its folder, and sums them up', async () => {
    const sweep = join(folder, 'grid.yaml');
    await writeFile(sweep, 'strategy.name: [fedavg, fedavgm]\n');
    const out = join(folder, 'study');
    const ended = await simulate(['--config', config, '--sweep', sweep, '--seeds', '2', '--out', out]);
    expect(ended.stderr).toContain('run 4 of 4: strategy.name=fedavgm, seed 6');
    expect(ended.code).toBe(0);
    expect(ended.stdout).toContain('4 runs');
    const summary = await readFile(join(out, 'summary.csv'), 'utf8');
    expect(summary).toContain('strategy.name=fedavgm,Federated,auc,2,');
    const config3 = await readJson(join(out, '2', 'seed-5', 'config.json'));
    expect(config3).toMatchObject({ seed: 5, strategy: { name: 'fedavgm' }, images: 120 });
    // Everything is done: nothing runs again, and the summary is the same.
    const again = await simulate(['--resume', out]);
    expect(again.stderr).not.toContain('round');
    expect(again.stdout).toBe(ended.stdout);
  });
});

describe('a run that is stopped by Ctrl-C', () => {
  it('goes on with --resume to the same weights', async () => {
    const whole = join(folder, 'whole');
    const settings = ['--config', config, '--rounds', '40', '--compare', 'none'];
    const first = await simulate([...settings, '--out', whole]);
    expect(first.stderr).toContain('site 1 dropped (wrong-shape)');
    const stopped = join(folder, 'stopped');
    let interrupted = false;
    const second = await simulate([...settings, '--out', stopped], (said, interrupt) => {
      if (interrupted || !said.includes('round 2/40')) return;
      interrupted = true;
      interrupt();
    });
    expect(second).toMatchObject({ code: 130, stdout: '' });
    const third = await simulate(['--resume', stopped, '--json']);
    expect(third.stderr).toContain('from round');
    expect(third.code).toBe(0);
    const digestOf = async (path: string): Promise<string> =>
      digestSchema.parse(await readJson(join(path, 'metrics.json'))).finalDigest;
    expect(await digestOf(stopped)).toBe(await digestOf(whole));
    const lines = (await readFile(join(stopped, 'rounds.jsonl'), 'utf8')).trim().split('\n');
    expect(lines).toHaveLength(40);
  });
});

it.each([
  [['--resume', 'nowhere', '--rounds', '3'], 'leave out --rounds'],
  [['--resume', 'nowhere'], 'config.json'],
  [['--config', 'nowhere.yaml'], 'nowhere.yaml'],
  [['--seeds', '0'], '--seeds'],
  [['--images', '100', '--dataset', 'medmnist:breastmnist'], '--images'],
  [['--file', 'copy.npz'], '--file'],
  [['--local-steps', '3', '--epochs', '2'], '--local-steps'],
])('refuses %j and says why', async (args, reason) => {
  const ended = await simulate(args);
  expect(ended.code).toBe(2);
  expect(ended.stderr).toContain(reason);
});
