/**
 * `npm run bench:simulate`: what the federation costs beside the training. Options: --rounds N, --workers N, --only NAME
 * (overhead, framework, memory, growth), --json.
 */
import { execFile } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { finishBench, type BenchRow } from './bench-report.ts';
import type { SceneOptions } from './simulate-scene.ts';
import { duel, frameworkCosts, memoryGrowth, peakMemory, type Growth } from './simulate-runs.ts';

const PARTS = ['overhead', 'framework', 'memory', 'growth'] as const;
type Part = (typeof PARTS)[number];

const { values: flags } = parseArgs({
  options: {
    rounds: { type: 'string', default: '8' },
    workers: { type: 'string', default: String(Math.min(2, availableParallelism())) },
    only: { type: 'string' },
    json: { type: 'boolean', default: false },
    /** Used by the benchmark itself, in processes of its own. */
    child: { type: 'string' },
    sites: { type: 'string', default: '10' },
  },
});
const workers = Number(flags.workers);

/** 20 sites with 200 images, 5 local epochs: 400 steps a round. */
const training: SceneOptions = {
  ...{ siteCount: 20, imagesPerSite: 200, rounds: Number(flags.rounds) + 1 },
  ...{ epochs: 5, batchSize: 50, protection: 'plain' },
};
const MODES = ['plain', 'box'] as const;
const ALL_IMAGES = 4000;

async function overheadRows(): Promise<BenchRow[]> {
  const rows: BenchRow[] = [];
  for (const protection of MODES) {
    const { federated, bare } = await duel({ ...training, protection }, workers);
    const ratios = (cost: 'wallMs' | 'cpuMs'): number[] =>
      federated.map((round, i) => round[cost] / (bare[i]?.[cost] ?? NaN));
    rows.push(
      {
        name: `wall time of a round over a bare loop of its steps, ${protection}, ${flags.workers} workers`,
        samples: ratios('wallMs'),
        unit: '×',
        ...(protection === 'plain' && { bar: { atMost: 1.05 } }),
      },
      { name: `the same in CPU time, ${protection}`, samples: ratios('cpuMs'), unit: '×' },
    );
  }
  return rows;
}

async function frameworkRows(): Promise<BenchRow[]> {
  const rows: BenchRow[] = [];
  for (const protection of MODES) {
    const samples = await frameworkCosts({ ...training, protection, rounds: 10 });
    rows.push({
      name: `framework per site and round, 100,000 parameters, ${protection}`,
      ...{ samples, unit: 'ms', digits: 2 },
      ...(protection === 'plain' && { bar: { atMost: 5 } }),
    });
  }
  return rows;
}

async function inChild(part: string, sites: number): Promise<number | Growth> {
  const args = ['--expose-gc', '--import', 'tsx', fileURLToPath(import.meta.url)];
  const { stdout } = await promisify(execFile)(process.execPath, [
    ...args,
    ...['--child', part, '--sites', String(sites), '--workers', flags.workers],
  ]);
  // Written by `answerAsChild` below.
  return JSON.parse(stdout) as number | Growth;
}

async function answerAsChild(part: string): Promise<void> {
  const siteCount = Number(flags.sites);
  const answer =
    part === 'memory'
      ? await peakMemory(
          {
            ...{ siteCount, imagesPerSite: ALL_IMAGES / siteCount, rounds: 3 },
            ...{ epochs: 1, batchSize: 20, protection: 'plain' },
          },
          workers,
        )
      : await memoryGrowth({
          ...{ siteCount, imagesPerSite: 20, rounds: 200 },
          ...{ epochs: 1, batchSize: 20, protection: 'plain' },
        });
  process.stdout.write(JSON.stringify(answer));
}

async function memoryRows(): Promise<BenchRow[]> {
  const peaks: number[] = [];
  for (const sites of [10, 200]) {
    const peak = await inChild('memory', sites);
    if (typeof peak === 'number') peaks.push(peak);
  }
  const [few = NaN, many = NaN] = peaks;
  return [
    { name: 'peak resident memory, 10 sites', samples: [few], unit: 'MiB', digits: 0 },
    { name: 'peak resident memory, 200 sites, the same images', samples: [many], unit: 'MiB', digits: 0 },
    { name: '200 sites over 10', samples: [many / few], unit: '×', bar: { atMost: 1.1 } },
  ];
}

async function growthRows(): Promise<BenchRow[]> {
  const growth = await inChild('growth', 5);
  if (typeof growth === 'number') return [];
  return [
    // Every round leaves its line of the report.
    {
      name: 'live memory that a round adds, rounds 50 to 200',
      ...{ samples: [growth.liveKbPerRound], unit: 'kB', digits: 2, bar: { atMost: 10 } },
    },
    {
      name: 'resident memory, round 200 over round 50',
      ...{ samples: [growth.residentRatio], unit: '×', bar: { atMost: 1.05 } },
    },
  ];
}

const measure: Readonly<Record<Part, () => Promise<BenchRow[]>>> = {
  overhead: overheadRows,
  framework: frameworkRows,
  memory: memoryRows,
  growth: growthRows,
};

if (flags.child !== undefined) await answerAsChild(flags.child);
else {
  const rows: BenchRow[] = [];
  for (const part of PARTS)
    if (flags.only === undefined || flags.only === part) rows.push(...(await measure[part]()));
  const title = 'Federation beside training: in-memory transport, simulated time, ONNX Runtime';
  finishBench({ title, rows }, { json: flags.json });
}
