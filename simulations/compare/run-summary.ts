/**
 * What a finished run left in its folder, in one form for federations and central training. Folders come from other
 * machines and other versions: everything is checked as it is read.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { z } from 'zod';
import { InputError, messageOf } from '../../shared/errors.ts';
import { METRIC_NAMES, type Estimate, type MetricName } from '../../shared/learning/metrics/evaluation.ts';
import { formatBytes, formatDuration } from '../../shared/format.ts';
import { meanEstimate, METHOD_LABELS } from '../report/methods.ts';
import { METHOD_NAMES, type MethodName } from '../report/result-types.ts';
import { flatSettings } from '../report/settings.ts';

export type Metrics = Readonly<Partial<Record<MetricName, Estimate>>>;

export interface RunSummary {
  /** The folder's name. */
  readonly name: string;
  readonly title: string;
  /** What a step of a curve is. */
  readonly unit: 'round' | 'epoch';
  /** The label of the method that the run is about: federated, or the central training itself. */
  readonly main: string;
  /** config.json by dotted name. */
  readonly settings: ReadonlyMap<string, string>;
  readonly methods: readonly { readonly label: string; readonly metrics: Metrics }[];
  /** Accuracy of the main method on each site's share of the test images. */
  readonly sites: readonly { readonly site: string; readonly accuracy: Estimate }[];
  /** Of each step, or each step of the first seed. */
  readonly curve: readonly CurveStep[];
  /** What it took and what came out, for people. */
  readonly facts: readonly (readonly [label: string, value: string])[];
  /** Runs with other texts here were tested on other images. */
  readonly testImages: string;
}

export interface CurveStep {
  readonly step: number;
  /** "loss" is that of training; others are of validation. */
  readonly values: Readonly<Record<string, number>>;
}

const estimateSchema = z
  .object({
    value: z.number().optional(),
    interval: z.object({ low: z.number(), high: z.number() }).optional(),
  })
  .transform(({ value, interval }): Estimate => ({
    ...(value !== undefined && { value }),
    ...(interval && { interval }),
  }));
const metricsSchema = z.partialRecord(z.enum(METRIC_NAMES), estimateSchema);
const evaluationSchema = z.object({ metrics: metricsSchema });
const sitesSchema = z.array(z.object({ site: z.string(), evaluation: evaluationSchema }));
const valuesSchema = z.record(z.string(), z.number().nullable());
const datasetSchema = z.object({ name: z.string(), splits: z.array(z.object({ counts: z.array(z.int()) })) });

const federationSchema = z.object({
  title: z.string(),
  dataset: datasetSchema,
  seed: z.int(),
  sites: z.array(z.object({ name: z.string() })),
  rounds: z.array(
    z.object({
      round: z.int(),
      loss: z.number().nullish(),
      validation: valuesSchema.optional(),
      durationMs: z.number().optional(),
      bytesUp: z.number().optional(),
    }),
  ),
  bestRound: z.int().optional(),
  test: z.object({
    federated: evaluationSchema,
    pooled: evaluationSchema.optional(),
    local: sitesSchema.optional(),
    personalised: sitesSchema.optional(),
    finetuned: sitesSchema.optional(),
  }),
  siteTests: z
    .array(z.object({ site: z.string(), figures: z.partialRecord(z.enum(METHOD_NAMES), metricsSchema) }))
    .optional(),
  weightsDigest: z.string().optional(),
});
type Federation = z.infer<typeof federationSchema>;

const trainingSchema = z.object({
  title: z.string(),
  dataset: datasetSchema,
  seeds: z
    .array(
      z.object({
        seed: z.int(),
        epochs: z.array(
          z.object({ epoch: z.int(), loss: z.number().nullable(), validation: valuesSchema.optional() }),
        ),
        bestEpoch: z.int().optional(),
        test: evaluationSchema,
        durationMs: z.number().optional(),
        weightsDigest: z.string().optional(),
      }),
    )
    .min(1),
});
type Training = z.infer<typeof trainingSchema>;

/** @throws InputError naming the folder or file that is no finished run */
export async function readRun(folder: string): Promise<RunSummary> {
  if (existsSync(join(folder, 'study.json')))
    throw new InputError(`${folder} holds a study of several runs: name two of the runs' own folders in it`);
  const file = join(folder, 'metrics.json');
  if (!existsSync(file))
    throw new InputError(`${folder} has no metrics.json: give the folder of a run that is finished`);
  const metrics = await readJson(file);
  const settings = new Map(flatSettings(await readJson(join(folder, 'config.json'))));
  const name = basename(resolve(folder));
  const federation = federationSchema.safeParse(metrics);
  if (federation.success) return { name, settings, ...ofFederation(federation.data) };
  const training = trainingSchema.safeParse(metrics);
  if (training.success) return { name, settings, ...ofTraining(training.data, settings) };
  // What a file with rounds lacks is the federation's complaint; otherwise that of the training.
  const { error } = typeof metrics === 'object' && metrics && 'rounds' in metrics ? federation : training;
  const fields = error.issues.map(({ path, message }) => `${path.map(String).join('.')}: ${message}`);
  throw new InputError(`${file} is not what a run leaves (${fields.slice(0, 3).join('; ')})`);
}

async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch (cause) {
    throw new InputError(`${file} cannot be read: ${messageOf(cause)}`, { cause });
  }
}

type Parts = Omit<RunSummary, 'name' | 'settings'>;

function ofFederation(run: Federation): Parts {
  const { test, rounds, siteTests = [], seed, sites } = run;
  const used: MethodName = test.personalised ? 'personalised' : 'federated';
  return {
    title: run.title,
    unit: 'round',
    main: METHOD_LABELS[used],
    methods: METHOD_NAMES.flatMap((method) => {
      const tested = test[method];
      if (tested === undefined) return [];
      const metrics =
        'metrics' in tested
          ? tested.metrics
          : meanMetrics(tested.map(({ evaluation }) => evaluation.metrics));
      return [{ label: METHOD_LABELS[method], metrics }];
    }),
    sites: siteTests.map(({ site, figures }) => ({ site, accuracy: figures[used]?.accuracy ?? {} })),
    curve: rounds.map(({ round, loss, validation }) => ({ step: round, values: drawable(loss, validation) })),
    facts: [
      ['Rounds', String(rounds.length)],
      ['Kept round', String(run.bestRound ?? '–')],
      ['Sites', String(sites.length)],
      ['Time of the rounds', formatDuration(sumOf(rounds.map(({ durationMs = 0 }) => durationMs)))],
      [
        'Sent by each site',
        formatBytes(sumOf(rounds.map(({ bytesUp = 0 }) => bytesUp)) / Math.max(1, sites.length)),
      ],
      ['Kept weights (SHA-512)', run.weightsDigest ?? '–'],
    ],
    // The split's seed is the run's.
    testImages: JSON.stringify([run.dataset, seed]),
  };
}

function ofTraining(run: Training, settings: ReadonlyMap<string, string>): Parts {
  const { seeds, title, dataset } = run;
  const [first] = seeds;
  const label = seeds.length > 1 ? `Central, mean of ${String(seeds.length)} seeds` : 'Central';
  return {
    title,
    unit: 'epoch',
    main: label,
    methods: [
      {
        label,
        metrics:
          seeds.length === 1 && first
            ? first.test.metrics
            : meanMetrics(seeds.map(({ test }) => test.metrics)),
      },
    ],
    sites: [],
    curve: (first?.epochs ?? []).map(({ epoch, loss, validation }) => ({
      step: epoch,
      values: drawable(loss, validation),
    })),
    facts: [
      ['Seeds', seeds.map(({ seed }) => String(seed)).join(', ')],
      ['Kept epoch', seeds.map(({ bestEpoch }) => String(bestEpoch ?? '–')).join(', ')],
      ['Time', formatDuration(sumOf(seeds.map(({ durationMs = 0 }) => durationMs)))],
      ['Kept weights (SHA-512)', first?.weightsDigest ?? '–'],
    ],
    testImages: JSON.stringify([dataset, settings.get('split.seed')]),
  };
}

function meanMetrics(all: readonly Metrics[]): Metrics {
  return Object.fromEntries(
    METRIC_NAMES.map((name) => [name, meanEstimate(all.map((metrics) => metrics[name]?.value))]),
  );
}

/** JSON has null for a loss that is not a number. */
function drawable(
  loss: number | null | undefined,
  validation: Readonly<Record<string, number | null>> = {},
): Record<string, number> {
  const values = Object.entries({ ...validation, loss }).flatMap(([name, value]): [string, number][] =>
    typeof value === 'number' ? [[name, value]] : [],
  );
  return Object.fromEntries(values);
}

const sumOf = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
