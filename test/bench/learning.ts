/**
 * `npm run bench:learning`: training steps of the reference networks against PyTorch on one thread, everything in one run
 * and in turns, so that a change of the machine's speed meets all. Options: --rounds N, --only NAME, --json.
 * PyTorch is found through CONSILIUM_PYTHON or `python3`.
 */
import { Worker } from 'node:worker_threads';
import { parseArgs } from 'node:util';
import { architectureSchema, type Architecture } from '../../shared/learning/architectures/architecture.ts';
import type { Engine } from '../../shared/learning/engines/engine.ts';
import { openNativeEngine } from '../../shared/learning/engines/onnx-native.ts';
import { openEngine } from '../../shared/learning/engines/open-engine.ts';
import { STANDARD_TARGET } from '../../shared/learning/lower/target.ts';
import { messageOf } from '../../shared/errors.ts';
import { markOnTrainingThreads } from '../../simulations/pool/garbage-collection.ts';
import { finishBench, median, type BenchRow, type Skipped } from './bench-report.ts';
import { outsideShare, memoryGrowthMb } from './learning-cost.ts';
import { operatorShares } from './learning-profile.ts';
import { BATCH_SIZE, prepareStep, type StepCase } from './learning-step.ts';
import { MEMORY_FORMATS, TorchPeer, TUNED_ALLOCATOR, type TorchCase } from './torch-peer.ts';

const { values: flags } = parseArgs({
  options: {
    rounds: { type: 'string', default: '12' },
    only: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});

/** Steps that one contestant makes before the next has its turn. */
const STEPS_PER_TURN = 5;
const ROUNDS = Number(flags.rounds);
/** How long threads train side by side before they are counted. */
const TURN_MS = 500;

interface Contest extends StepCase {
  readonly name: string;
  readonly torch: TorchCase;
  /** Least speed relative to PyTorch: the best graph, and standard operators only. */
  readonly bars?: { readonly best: number; readonly standard: number };
}

const cnnContest = (
  name: string,
  imageDims: readonly [number, number, number],
  filters: number[],
  dense: number,
): Contest => ({
  name,
  imageDims,
  architecture: architectureSchema.parse({ name: 'cnn', options: { filters, dense } }),
  torch: { kind: 'cnn', imageDims, batchSize: BATCH_SIZE, filters, dense },
  bars: { best: 1, standard: 0.6 },
});

const resnetArchitecture: Architecture = architectureSchema.parse({ name: 'resnet' });

const CONTESTS: readonly Contest[] = [
  cnnContest('28×28×1', [1, 28, 28], [16, 32, 64], 64),
  cnnContest('64×64×1', [1, 64, 64], [16, 32, 64], 64),
  cnnContest('64×64×3, doubled filters', [3, 64, 64], [32, 64, 128], 128),
  {
    name: 'ResNet, GroupNorm, 28×28×1',
    imageDims: [1, 28, 28],
    architecture: resnetArchitecture,
    torch: { kind: 'resnet', imageDims: [1, 28, 28], batchSize: BATCH_SIZE, widths: [16, 32, 64] },
  },
];

const rows: BenchRow[] = [];
const skipped: Skipped[] = [];

/** A contestant's steps in milliseconds, one array a round. */
type Rounds = number[][];
type Turn = () => Promise<number[]>;

async function takeTurns(turns: ReadonlyMap<string, Turn>, rounds: number): Promise<Map<string, Rounds>> {
  const times = new Map<string, Rounds>();
  for (const [, turn] of turns) await turn();
  for (let round = 0; round < rounds; round++) {
    for (const [name, turn] of turns) times.set(name, [...(times.get(name) ?? []), await turn()]);
  }
  return times;
}

const flat = (rounds: Rounds | undefined): number[] => (rounds ?? []).flat();

/** Round by round: how many times as fast `ours` is as `theirs`. */
function speedRatios(ours: Rounds | undefined, theirs: Rounds | undefined): number[] {
  return (ours ?? []).map((times, round) => median(theirs?.[round] ?? [NaN]) / median(times));
}

/** The memory format with the smaller median. */
function bestFormat(times: ReadonlyMap<string, Rounds>, prefix: string): Rounds | undefined {
  const candidates = MEMORY_FORMATS.map((format) => times.get(`${prefix} ${format}`)).filter(
    (rounds) => rounds !== undefined,
  );
  return candidates.sort((a, b) => median(flat(a)) - median(flat(b)))[0];
}

interface Peers {
  readonly torch?: TorchPeer;
  readonly tuned?: TorchPeer;
  readonly tensorflow?: Engine;
}

async function startPeers(): Promise<Peers> {
  const python = process.env['CONSILIUM_PYTHON'] ?? 'python3';
  const torch = await TorchPeer.start(python);
  const tuned = torch ? await TorchPeer.start(python, TUNED_ALLOCATOR) : undefined;
  if (!torch) skipped.push({ name: 'PyTorch', reason: `${python} has no torch` });
  let tensorflow: Engine | undefined;
  try {
    tensorflow = await openEngine('tensorflow-gpu');
  } catch (error) {
    skipped.push({ name: 'tfjs-node', reason: messageOf(error).split('\n')[0] ?? '' });
  }
  return { ...(torch && { torch }), ...(tuned && { tuned }), ...(tensorflow && { tensorflow }) };
}

const ratioRow = (name: string, samples: number[], bar?: number): BenchRow => ({
  name,
  samples,
  unit: '×',
  digits: 2,
  ...(bar === undefined ? {} : { bar: { atLeast: bar } }),
});

const timeRows = (name: string, times: number[]): BenchRow[] => [
  { name: `${name}, step`, samples: [median(times)], unit: 'ms', digits: 2 },
  { name: `${name}, fastest step`, samples: [Math.min(...times)], unit: 'ms', digits: 2 },
];

async function compete(contest: Contest, peers: Peers): Promise<void> {
  const best = await prepareStep(await openNativeEngine(), contest);
  const standard = await prepareStep(await openNativeEngine({ target: STANDARD_TARGET }), contest);
  const clipped = await prepareStep(await openNativeEngine(), contest, { perExampleClipL2Norm: 1 });
  const turns = new Map<string, Turn>([['best', () => best.run(STEPS_PER_TURN)]]);
  for (const [name, peer] of [
    ['torch', peers.torch],
    ['tuned', peers.tuned],
  ] as const) {
    if (peer === undefined) continue;
    for (const format of MEMORY_FORMATS) {
      turns.set(`${name} ${format}`, () => peer.run(contest.torch, format, STEPS_PER_TURN));
    }
  }
  turns.set('standard', () => standard.run(STEPS_PER_TURN));
  turns.set('clipped', () => clipped.run(STEPS_PER_TURN));
  const tensorflow = peers.tensorflow ? await prepareStep(peers.tensorflow, contest) : undefined;
  if (tensorflow) turns.set('tensorflow', () => tensorflow.run(STEPS_PER_TURN));
  const times = await takeTurns(turns, ROUNDS);
  for (const step of [best, standard, clipped, tensorflow]) await step?.compiled.dispose();
  report(contest, times);
  rows.push({
    name: `${contest.name}: session creation`,
    samples: [best.createdInMs],
    unit: 'ms',
    digits: 0,
    ...(contest.bars ? { bar: { atMost: 200 } } : {}),
  });
}

function report(contest: Contest, times: ReadonlyMap<string, Rounds>): void {
  const [ours, standard] = [times.get('best'), times.get('standard')];
  const { name, bars } = contest;
  rows.push(...timeRows(`${name}: consilium`, flat(ours)));
  const torch = bestFormat(times, 'torch');
  if (torch) {
    rows.push(...timeRows(`${name}: PyTorch`, flat(torch)));
    rows.push(ratioRow(`${name}: speed, PyTorch = 1`, speedRatios(ours, torch), bars?.best));
    rows.push(
      ratioRow(`${name}: standard operators, PyTorch = 1`, speedRatios(standard, torch), bars?.standard),
    );
    const fastest = Math.min(...flat(torch)) / Math.min(...flat(ours));
    rows.push(ratioRow(`${name}: fastest steps, PyTorch = 1`, [fastest]));
  }
  const tuned = bestFormat(times, 'tuned');
  if (tuned)
    rows.push(ratioRow(`${name}: speed, PyTorch with tuned allocator = 1`, speedRatios(ours, tuned)));
  const tensorflow = times.get('tensorflow');
  if (tensorflow) {
    rows.push(...timeRows(`${name}: tfjs-node`, flat(tensorflow)));
    const bar = contest.torch.kind === 'cnn' ? 1 : undefined;
    rows.push(ratioRow(`${name}: speed, tfjs-node = 1`, speedRatios(ours, tensorflow), bar));
  }
  const overhead = (times.get('clipped') ?? []).map(
    (clipped, round) => median(clipped) / median(ours?.[round] ?? [NaN]),
  );
  rows.push({
    name: `${name}: per-example clipping, plain step = 1`,
    samples: overhead,
    unit: '×',
    digits: 2,
    ...(bars ? { bar: { atMost: 1.5 } } : {}),
  });
}

/** Steps a second of threads that train side by side for a while: the sum of each one's own rate. */
async function throughput(workers: readonly Worker[], durationMs: number): Promise<number> {
  const rates = workers.map(
    (worker) =>
      new Promise<number>((resolve) => {
        worker.once('message', resolve);
        worker.postMessage(durationMs);
      }),
  );
  return (await Promise.all(rates)).reduce((sum, rate) => sum + rate, 0);
}

async function twoSessions(): Promise<void> {
  // As the pool of training threads does it; the rows before are measured without.
  markOnTrainingThreads(2);
  const workerData: StepCase = {
    architecture: CONTESTS[0]?.architecture ?? resnetArchitecture,
    imageDims: [1, 28, 28],
  };
  const workers = [0, 1].map(
    () => new Worker(new URL('learning-worker.mjs', import.meta.url), { workerData }),
  );
  await Promise.all(
    workers.map(
      (worker) =>
        new Promise<void>((resolve, reject) => {
          worker.once('message', () => {
            resolve();
          });
          worker.once('error', reject);
        }),
    ),
  );
  const gains: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const alone: number[] = [];
    for (const worker of workers) alone.push(await throughput([worker], TURN_MS));
    gains.push((await throughput(workers, TURN_MS)) / (alone.reduce((a, b) => a + b, 0) / alone.length));
  }
  for (const worker of workers) worker.postMessage(0);
  rows.push({
    name: 'two sessions on two cores, one session = 1',
    samples: gains,
    unit: '×',
    digits: 2,
    bar: { atLeast: 1.8 },
  });
}

const wanted = (name: string): boolean => flags.only === undefined || name.includes(flags.only);
// First, in a process that has done nothing else: code that many kinds of models have gone through runs slower.
if (wanted('outside')) {
  rows.push({
    name: '28×28×1: share of a training step outside the engine',
    samples: await outsideShare(ROUNDS),
    unit: '%',
    digits: 1,
    bar: { atMost: 5 },
  });
}
const peers = await startPeers();
for (const contest of CONTESTS) if (wanted(contest.name)) await compete(contest, peers);
peers.torch?.stop();
peers.tuned?.stop();
if (wanted('memory')) {
  rows.push({
    name: 'memory growth from step 1,000 to 5,000',
    samples: [await memoryGrowthMb()],
    unit: 'MB',
    digits: 1,
    bar: { atMost: 8 },
  });
}
if (wanted('operators')) rows.push(...(await operatorShares()));
if (wanted('two sessions')) await twoSessions();
finishBench(
  {
    title: 'Training steps, batch 32, Adam, one thread',
    rows,
    skipped,
    environment: {
      engine: (await openNativeEngine()).device,
      ...(peers.torch ? { pytorch: peers.torch.version } : {}),
    },
  },
  { json: flags.json },
);
