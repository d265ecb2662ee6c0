/**
 * `npm run bench:compression`: what uploads of 16 and of 8 bits a value cost in accuracy: the same federation of ten
 * hospitals under secure aggregation, the same seeds, in rings of 32, 16 and 8 bits. Options: --seeds N, --rounds N,
 * --workers N, --json.
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { runFederation } from '../../simulations/harness.ts';
import { TEST_DATA_REASON, testDataPath } from '../test-data.ts';
import { finishBench, type BenchRow } from './bench-report.ts';

const { values: flags } = parseArgs({
  options: {
    seeds: { type: 'string', default: '3' },
    rounds: { type: 'string', default: '20' },
    workers: { type: 'string', default: String(Math.min(2, availableParallelism())) },
    json: { type: 'boolean', default: false },
  },
});

const BITS = [32, 16, 8] as const;
/** Of the AUC. */
const MOST_LOST = 0.005;

interface Reached {
  readonly auc: number;
  readonly bytesUp: number;
}

async function reached(file: string, seed: number, bits: (typeof BITS)[number]): Promise<Reached> {
  const { result } = await runFederation({
    dataset: 'medmnist:pneumoniamnist',
    file,
    sites: 10,
    partition: 'iid',
    rounds: Number(flags.rounds),
    protection: { mode: 'secure-aggregation', ring: { bits } },
    compare: [],
    bootstrapReplicates: 100,
    workers: Number(flags.workers),
    seed,
  });
  const auc = result.test.federated.metrics.auc.value ?? NaN;
  return { auc, bytesUp: result.rounds.reduce((sum, { bytesUp = 0 }) => sum + bytesUp, 0) };
}

const file = testDataPath('medmnist/pneumoniamnist-reassembled.npz');
const rows: BenchRow[] = [];
if (file !== undefined) {
  const seeds = Array.from({ length: Number(flags.seeds) }, (_, i) => i + 1);
  const runs = new Map<number, readonly Reached[]>();
  for (const bits of BITS) {
    const ofBits: Reached[] = [];
    for (const seed of seeds) ofBits.push(await reached(file, seed, bits));
    runs.set(bits, ofBits);
    const name = `PneumoniaMNIST, 10 sites, ${flags.rounds} rounds, ${String(bits)} bits`;
    const full = runs.get(32) ?? [];
    rows.push({ name: `${name}: AUC`, samples: ofBits.map(({ auc }) => auc), statistic: 'mean', digits: 4 });
    if (bits === 32) continue;
    rows.push(
      {
        name: `${name}: AUC lost against 32 bits`,
        samples: ofBits.map(({ auc }, i) => (full[i]?.auc ?? NaN) - auc),
        ...{ statistic: 'mean', digits: 4, bar: { atMost: MOST_LOST } },
      },
      {
        name: `${name}: bytes sent against 32 bits`,
        samples: ofBits.map(({ bytesUp }, i) => bytesUp / (full[i]?.bytesUp ?? NaN)),
        ...{ statistic: 'mean', unit: '×', digits: 3 },
      },
    );
  }
}
const skipped = file === undefined ? [{ name: 'PneumoniaMNIST', reason: TEST_DATA_REASON }] : [];
finishBench({ title: 'Compressed updates under masks', rows, skipped }, { json: flags.json });
