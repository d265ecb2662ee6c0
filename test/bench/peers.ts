/**
 * `npm run bench:peers`: a federation of 100 sites here and in other simulators, all on this machine, one after the other
 * in turns, so that what else the machine does falls on all of them. The configuration is that of the BlazeFL paper,
 * scaled down: 2 rounds of 5 local epochs, one batch of 50 images of 32×32×3 a site, SGD with momentum.
 * Peers run where `CONSILIUM_PYTHON` (or python3) has their packages: torch, blazefl, flwr[simulation].
 * Options: --turns N, --sites N, --workers N, --only NAME (several times), --json.
 */
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { InvariantError } from '../../shared/errors.ts';
import { findPython } from '../python/config.ts';
import { finishBench, type BenchRow, type Skipped } from './bench-report.ts';
import { runPeer, type PeerRun } from './peers/run-peer.ts';
import { stepsOf, type Task } from './peers/task.ts';

const { values: flags } = parseArgs({
  options: {
    turns: { type: 'string', default: '3' },
    sites: { type: 'string', default: '100' },
    workers: { type: 'string', default: String(Math.min(2, availableParallelism())) },
    only: { type: 'string', multiple: true },
    json: { type: 'boolean', default: false },
  },
});

const task: Task = {
  ...{ sites: Number(flags.sites), rounds: 2, epochs: 5, batchSize: 50, imagesPerSite: 50 },
  ...{ workers: Number(flags.workers), learningRate: 0.01, momentum: 0.9 },
  ...{ memoryFormat: 'contiguous', protection: 'plain' },
};

interface Contestant {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  readonly variant: Partial<Task>;
}

const here = (file: string): string => fileURLToPath(new URL(`./peers/${file}`, import.meta.url));
/** As it is shipped: compiled, by the script of package.json before this one. */
const compiled = fileURLToPath(new URL('../../dist/test/bench/peers/ours.js', import.meta.url));
const OURS: Contestant = { name: 'Consilium', command: [process.execPath, compiled], variant: {} };
const BOXED: Contestant = {
  ...{ name: 'Consilium, updates encrypted', command: OURS.command },
  variant: { protection: 'box' },
};

/** The formats that PyTorch can be given; which one is faster depends on the machine. */
const FORMATS = ['contiguous', 'channels_last'] as const;

interface Peer {
  readonly name: string;
  readonly modules: readonly string[];
  readonly script: string;
  readonly formats: readonly Task['memoryFormat'][];
}

const BLAZEFL: Peer = {
  ...{ name: 'BlazeFL, threads', modules: ['torch', 'blazefl.contrib'] },
  ...{ script: 'blazefl_threads.py', formats: FORMATS },
};
const FLOWER: Peer = {
  ...{ name: 'Flower', modules: ['torch', 'flwr.simulation', 'ray'] },
  ...{ script: 'flower_simulation.py', formats: ['channels_last'] },
};
const POOL: Peer = {
  ...{ name: 'PyTorch, pool of processes', modules: ['torch'] },
  ...{ script: 'torch_pool.py', formats: ['channels_last'] },
};

const wanted = (name: string): boolean => flags.only === undefined || flags.only.includes(name);
const skipped: Skipped[] = [];

function contestantsOf({ name, modules, script, formats }: Peer): Contestant[] {
  if (!wanted(name)) return [];
  const { executable, missing } = findPython(...modules);
  if (missing !== undefined) {
    skipped.push({ name, reason: missing });
    return [];
  }
  return formats.map((memoryFormat) => ({
    name: `${name}, ${memoryFormat.replace('_', ' ')}`,
    command: [executable, here(script)],
    variant: { memoryFormat },
  }));
}

const blazefl = contestantsOf(BLAZEFL);
const flower = contestantsOf(FLOWER);
const pool = contestantsOf(POOL);
const contestants = [OURS, ...blazefl, ...flower, ...pool, ...(wanted(BOXED.name) ? [BOXED] : [])];

const runs = new Map<string, PeerRun[]>(contestants.map(({ name }) => [name, []]));
for (let turn = 0; turn < Number(flags.turns); turn++)
  for (const { name, command, variant } of contestants) {
    const run = await runPeer(command, { ...task, ...variant });
    const [first] = runs.get(OURS.name) ?? [];
    if (first && first.parameters !== run.parameters)
      throw new InvariantError(
        `${name} trains a model of ${String(run.parameters)} parameters, ${OURS.name} one of ${String(first.parameters)}`,
      );
    runs.get(name)?.push(run);
    process.stderr.write(`${name}: ${(run.roundsMs / 1000).toFixed(1)} s\n`);
  }

type Figure = (run: PeerRun) => number | undefined;

const seconds: Figure = (run) => run.roundsMs / 1000;
const cpuSeconds: Figure = (run) => run.cpuMs && run.cpuMs / 1000;
const mebibytes: Figure = (run) => run.peakBytes && run.peakBytes / 2 ** 20;
const readySeconds: Figure = (run) => run.readyMs / 1000;

/** Of each turn; of several contestants the least. Empty where it could not be measured. */
function figures(of: readonly Contestant[], figure: Figure): number[] {
  const columns = of.map(({ name }) => (runs.get(name) ?? []).map(figure));
  const turns = Array.from({ length: Math.min(...columns.map((column) => column.length)) }, (_, turn) =>
    columns.map((column) => column[turn]),
  );
  return turns.flatMap((row) => {
    const known = row.filter((value) => value !== undefined);
    return known.length === row.length ? [Math.min(...known)] : [];
  });
}

function ratios(over: readonly Contestant[], under: readonly Contestant[], figure: Figure): number[] {
  const below = figures(under, figure);
  return figures(over, figure).map((value, turn) => value / (below[turn] ?? NaN));
}

const rows: BenchRow[] = [];
function add(row: BenchRow): void {
  if (row.samples.length > 0) rows.push(row);
}

for (const contestant of contestants)
  add({ name: `rounds: ${contestant.name}`, samples: figures([contestant], seconds), unit: 's', digits: 1 });
if (blazefl.length > 0)
  add({
    name: "time of BlazeFL's best over ours",
    samples: ratios(blazefl, [OURS], seconds),
    ...{ unit: '×', digits: 2, bar: { atLeast: 1.2 } },
  });
if (flower.length > 0)
  add({
    name: 'time of Flower over ours',
    samples: ratios(flower, [OURS], seconds),
    ...{ unit: '×', digits: 2, bar: { atLeast: 2 } },
  });
if (pool.length > 0)
  add({
    name: 'time of the PyTorch pool over ours',
    samples: ratios(pool, [OURS], seconds),
    ...{ unit: '×', digits: 2 },
  });
for (const contestant of contestants)
  add({
    name: `processor time of the rounds: ${contestant.name}`,
    samples: figures([contestant], cpuSeconds),
    ...{ unit: 's', digits: 1 },
  });
for (const contestant of contestants)
  add({
    name: `peak memory: ${contestant.name}`,
    samples: figures([contestant], mebibytes),
    ...{ unit: 'MiB', digits: 0 },
  });
if (blazefl.length > 0)
  add({
    name: "our peak memory over BlazeFL's",
    samples: ratios([OURS], blazefl, mebibytes),
    ...{ unit: '×', digits: 2, bar: { atMost: 0.5 } },
  });
for (const contestant of contestants)
  add({
    name: `ready to train: ${contestant.name}`,
    samples: figures([contestant], readySeconds),
    ...{ unit: 's', digits: 2, ...(contestant === OURS && { bar: { atMost: 1 } }) },
  });

const versions = Object.assign({}, ...[...runs.values()].map(([run]) => run?.versions ?? {})) as Record<
  string,
  string
>;
const parameters = runs.get(OURS.name)?.[0]?.parameters ?? 0;
finishBench(
  {
    title:
      `${flags.sites} sites, 2 rounds of 5 local epochs, ${String(stepsOf(task))} steps of SGD, ` +
      `${String(parameters)} parameters, ${flags.workers} workers`,
    rows,
    skipped,
    environment: versions,
  },
  { json: flags.json },
);
