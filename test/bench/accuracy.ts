/**
 * `npm run bench:accuracy`: what `consilium train` reaches with its defaults on real images, against the bars. The
 * defaults were chosen on validation images; the test images are looked at here only.
 */
import { availableParallelism } from 'node:os';
import { Command } from 'commander';
import { systemClock } from '../../shared/clock.ts';
import { InputError } from '../../shared/errors.ts';
import type { MetricName } from '../../shared/learning/metrics/evaluation.ts';
import { runInterruptible } from '../../simulations/interruptible.ts';
import { runTraining, type Training } from '../../simulations/train/run-training.ts';
import { DEFAULT_SPLIT, type TrainRequest } from '../../simulations/train/train-request.ts';
import { TEST_DATA_REASON, testDataPath } from '../test-data.ts';
import { finishBench, type BenchRow, type Skipped } from './bench-report.ts';

interface Case {
  readonly key: string;
  /** Below the folder of test images. */
  readonly path: string;
  readonly source: (path: string) => TrainRequest['source'];
  readonly testFraction?: number;
  readonly seeds: number;
  /** Of the mean over the seeds, on the test images. */
  readonly atLeast: Partial<Record<MetricName, number>>;
  /** Seconds for all seeds, from opening the file to the last evaluation, with two cores. */
  readonly atMostSeconds: number;
}

const CASES: readonly Case[] = [
  {
    key: 'pneumonia',
    path: 'medmnist/pneumoniamnist-reassembled.npz',
    source: (file) => ({ dataset: 'medmnist:pneumoniamnist', file }),
    seeds: 3,
    atLeast: { accuracy: 0.885, auc: 0.96 },
    atMostSeconds: 180,
  },
  {
    key: 'breast',
    path: 'medmnist/breastmnist.npz',
    source: (file) => ({ dataset: 'medmnist:breastmnist', file }),
    seeds: 5,
    atLeast: { accuracy: 0.835, auc: 0.875 },
    atMostSeconds: 300,
  },
  {
    key: 'ham10000',
    path: 'ham10000-fed-28/ham10000-fed-28.npz',
    source: (file) => ({ dataset: `npz:${file}` }),
    seeds: 2,
    atLeast: { balancedAccuracy: 0.58, auc: 0.88 },
    atMostSeconds: 720,
  },
  {
    key: 'mednist',
    path: 'mednist-6x1000',
    source: (folder) => ({ dataset: `folder:${folder}` }),
    testFraction: 1 / 6,
    seeds: 1,
    atLeast: { accuracy: 0.99 },
    atMostSeconds: 300,
  },
];

interface Options {
  readonly only?: string;
  readonly workers: string;
  readonly json?: true;
}

function casesOf({ only }: Options): readonly Case[] {
  const chosen = CASES.filter(({ key }) => only === undefined || key.startsWith(only));
  if (chosen.length > 0) return chosen;
  throw new InputError(`--only ${String(only)}: choose one of ${CASES.map(({ key }) => key).join(', ')}`);
}

function requestOf(entry: Case, path: string, workers: number): TrainRequest {
  return {
    source: entry.source(path),
    split: { ...DEFAULT_SPLIT, testFraction: entry.testFraction ?? DEFAULT_SPLIT.testFraction },
    seeds: Array.from({ length: entry.seeds }, (_, seed) => seed),
    engine: 'onnx',
    workers,
    bootstrapReplicates: 0,
    recipe: {},
  };
}

function rowsOf(entry: Case, { outcomes }: Training, seconds: number): BenchRow[] {
  const metrics = ['accuracy', 'balancedAccuracy', 'auc'] as const;
  return [
    ...metrics.map((metric): BenchRow => {
      const bar = entry.atLeast[metric];
      return {
        name: `${entry.key} ${metric}`,
        samples: outcomes.map(({ test }) => test.metrics[metric].value ?? NaN),
        statistic: 'mean',
        ...(bar !== undefined && { bar: { atLeast: bar } }),
      };
    }),
    {
      name: `${entry.key} time`,
      samples: [seconds],
      unit: 's',
      digits: 0,
      bar: { atMost: entry.atMostSeconds },
    },
  ];
}

async function benchmark(options: Options, signal: AbortSignal): Promise<void> {
  const rows: BenchRow[] = [];
  const skipped: Skipped[] = [];
  let engine = '';
  for (const entry of casesOf(options)) {
    const path = testDataPath(entry.path);
    if (path === undefined) {
      skipped.push({ name: entry.key, reason: TEST_DATA_REASON });
      continue;
    }
    const startedMs = systemClock.elapsedMs();
    const training = await runTraining(requestOf(entry, path, Number(options.workers)), {
      signal,
      onProgress: (progress) => {
        if (progress.kind !== 'epoch') return;
        const { seed, result } = progress;
        process.stderr.write(`${entry.key}, seed ${String(seed)}: epoch ${String(result.epoch)}\n`);
      },
    });
    if (training.stopped) return;
    rows.push(...rowsOf(entry, training, (systemClock.elapsedMs() - startedMs) / 1000));
    engine = `${training.start.environment.engine} (${training.start.environment.device})`;
  }
  const report = {
    title: 'Accuracy of consilium train on test images',
    rows,
    skipped,
    environment: { engine },
  };
  finishBench(report, { json: options.json === true });
}

await new Command('bench:accuracy')
  .option('--only <name>', `one of ${CASES.map(({ key }) => key).join(', ')}`)
  .option('--workers <count>', 'trainings at the same time', String(availableParallelism()))
  .option('--json', 'print the figures as JSON')
  .action((options: Options) => runInterruptible((signal) => benchmark(options, signal)))
  .parseAsync();
