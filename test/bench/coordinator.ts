/**
 * `npm run bench:coordinator`: how many sites one coordinator carries. Simulated sites in another process, with the agent's
 * own protocol, signatures and masks, take part in rounds of a network of 100,000 parameters, each number of them with a
 * fresh coordinator. Options: --sites N,N,…, --rounds N, --mode box|secure-aggregation, --json. Ends with 1 when a site is
 * dropped or the coordinator needs more memory than its bar.
 *
 * The sites share the machine with the coordinator and do nearly all of the computing: in hospitals a round is as long
 * as its slowest site. What the coordinator itself adds is its CPU time.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { InputError } from '../../shared/errors.ts';
import { finishBench, median, type BenchRow } from './bench-report.ts';
import { LOAD_MODES, type Load, type LoadFigures, type LoadMode } from './coordinator-load.ts';

const { values: flags } = parseArgs({
  options: {
    sites: { type: 'string', default: '50,100,250,500' },
    rounds: { type: 'string', default: '2' },
    mode: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});

/** Beside the models of a round. */
const MEMORY_MB = 400;
const MODELS = 4;
/** Sites that share a core with everything else take long to mask: a round of 250 about two minutes. */
const TIMEOUT_MS = 3_600_000;

function countsOf(text: string): number[] {
  const counts = text.split(',').map(Number);
  if (counts.some((count) => !Number.isInteger(count) || count < 5))
    throw new InputError(`--sites ${text}: expected numbers from 5 on, as in 50,500`);
  return counts;
}

function modesOf(name: string | undefined): readonly LoadMode[] {
  const modes = LOAD_MODES.filter((mode) => name === undefined || mode === name);
  if (modes.length > 0) return modes;
  throw new InputError(`--mode ${String(name)}: choose one of ${LOAD_MODES.join(', ')}`);
}

async function figuresOf({ siteCount, rounds, mode }: Load): Promise<LoadFigures> {
  const file = fileURLToPath(new URL('./coordinator-process.ts', import.meta.url));
  const options = ['--sites', String(siteCount), '--rounds', String(rounds), '--mode', mode];
  const child = promisify(execFile)(process.execPath, ['--import', 'tsx', file, ...options], {
    timeout: TIMEOUT_MS,
  });
  child.child.stderr?.pipe(process.stderr);
  const { stdout } = await child;
  // Written by `coordinator-process.ts`.
  return JSON.parse(stdout) as LoadFigures;
}

function rowsOf({ siteCount, mode }: Load, figures: LoadFigures): BenchRow[] {
  const { parameterCount, roundMs, roundCpuMs, peakMb, idleMb } = figures;
  const atMost = MEMORY_MB + (MODELS * 4 * parameterCount) / 1e6;
  const name = `${String(siteCount)} sites, ${mode}`;
  return [
    { name: `${name}: a round`, samples: roundMs, unit: 'ms', digits: 0 },
    {
      name: '  CPU time of the coordinator, each site',
      samples: roundCpuMs.map((ms) => ms / siteCount),
      ...{ unit: 'ms', digits: 2 },
    },
    {
      name: '  largest memory of the coordinator',
      samples: [peakMb],
      ...{ unit: 'MB', digits: 0, bar: { atMost } },
    },
    { name: '  of it: before any site was there', samples: [idleMb], unit: 'MB', digits: 0 },
    { name: '  longest time it answered nobody', samples: [figures.longestStallMs], unit: 'ms', digits: 0 },
    {
      name: '  sites dropped and connections lost',
      samples: [figures.droppedCount + figures.lostCount],
      ...{ digits: 0, bar: { atMost: 0 } },
    },
  ];
}

interface Measured {
  readonly load: Load;
  readonly figures: LoadFigures;
}

/** Of a round, and of its CPU time at the coordinator, from the fewest to the most sites. */
function growthRows(mode: LoadMode, measured: readonly Measured[]): BenchRow[] {
  const own = measured.filter(({ load }) => load.mode === mode);
  const sorted = own.toSorted((a, b) => a.load.siteCount - b.load.siteCount);
  const [fewest, most] = [sorted[0], sorted.at(-1)];
  if (!fewest || !most || fewest === most) return [];
  const from = `${String(fewest.load.siteCount)} to ${String(most.load.siteCount)} sites, ${mode}`;
  const growth = (key: 'roundMs' | 'roundCpuMs'): number[] => [
    median(most.figures[key]) / median(fewest.figures[key]),
  ];
  return [
    { name: `${from}: a round takes`, samples: growth('roundMs'), unit: '×', digits: 1 },
    {
      name: '  and the coordinator computes',
      samples: growth('roundCpuMs'),
      ...{ unit: '×', digits: 1 },
    },
  ];
}

const counts = countsOf(flags.sites);
const modes = modesOf(flags.mode);
const measured: Measured[] = [];
for (const mode of modes)
  for (const siteCount of counts) {
    const load = { siteCount, rounds: Number(flags.rounds), mode };
    const figures = await figuresOf(load);
    measured.push({ load, figures });
    process.stderr.write(
      `${String(siteCount)} sites, ${mode}: ${figures.roundMs.map((ms) => (ms / 1000).toFixed(1)).join(', ')} s a round\n`,
    );
  }
finishBench(
  {
    title: 'The coordinator under load: sites in a process of their own, on the same machine',
    rows: [
      ...measured.flatMap(({ load, figures }) => rowsOf(load, figures)),
      ...modes.flatMap((mode) => growthRows(mode, measured)),
    ],
    environment: { rounds: flags.rounds },
  },
  { json: flags.json },
);
