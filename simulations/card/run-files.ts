/**
 * The files of a finished run that its model card is made of. They may come from another machine or version: what is used
 * is checked as it is read, and the model must be the one that the figures are of.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { SUBGROUP_ATTRIBUTES } from '../../shared/data/subgroups.ts';
import { DataError, InputError, messageOf } from '../../shared/errors.ts';
import { readModelFile, type ModelFile } from '../../shared/learning/graph/model-file.ts';
import { readModelNotes, type ModelNotes } from '../../shared/learning/inference/model-notes.ts';
import { CLASS_METRIC_NAMES, METRIC_NAMES } from '../../shared/learning/metrics/evaluation.ts';
import { weightsDigest } from '../../shared/learning/weights.ts';
import { findModel } from '../predict/model-location.ts';
import { METHOD_NAMES } from '../report/result-types.ts';

const intervalSchema = z.object({ low: z.number(), high: z.number() });
const estimateSchema = z.object({ value: z.number().optional(), interval: intervalSchema.optional() });
const metricsSchema = z.partialRecord(z.enum(METRIC_NAMES), estimateSchema);
export type CardMetrics = z.infer<typeof metricsSchema>;

const evaluationSchema = z.object({
  exampleCount: z.int(),
  patientCount: z.int().optional(),
  metrics: metricsSchema,
  classes: z.array(
    z.object({
      name: z.string(),
      support: z.int(),
      metrics: z.partialRecord(z.enum(CLASS_METRIC_NAMES), estimateSchema),
    }),
  ),
  bootstrap: z.object({ replicates: z.int(), unit: z.enum(['patient', 'image']) }).optional(),
});
export type CardEvaluation = z.infer<typeof evaluationSchema>;

const datasetSchema = z.object({
  name: z.string(),
  synthetic: z.boolean(),
  classNames: z.array(z.string()),
  splits: z.array(z.object({ name: z.string(), counts: z.array(z.int()) })),
});

const subgroupTestSchema = z.object({
  attribute: z.enum(SUBGROUP_ATTRIBUTES),
  group: z.string(),
  classCounts: z.array(z.int()),
  metrics: metricsSchema,
});

const commonSchema = z.object({
  title: z.string(),
  dataset: datasetSchema,
  subgroupTests: z.array(subgroupTestSchema).default([]),
  notes: z.array(z.string()).default([]),
});

const trainingSchema = commonSchema.extend({
  seeds: z.array(z.object({ seed: z.int(), test: evaluationSchema })).min(1),
  model: z.object({ seed: z.int(), weightsDigest: z.string() }),
});

const siteTestSchema = z.object({
  site: z.string(),
  classCounts: z.array(z.int()),
  figures: z.partialRecord(z.enum(METHOD_NAMES), metricsSchema),
});

const federationSchema = commonSchema.extend({
  rounds: z.array(z.unknown()),
  sites: z.array(z.object({ name: z.string(), classCounts: z.array(z.int()) })),
  test: z.object({ federated: evaluationSchema }),
  siteTests: z.array(siteTestSchema).default([]),
  weightsDigest: z.string(),
});

const planFileSchema = z.object({
  hash: z.string(),
  plan: z.looseObject({ protection: z.looseObject({ mode: z.string() }), privacy: z.unknown().optional() }),
});
const environmentSchema = z.looseObject({
  consilium: z.string().optional(),
  commit: z.string().optional(),
  engine: z.string().optional(),
  device: z.string().optional(),
});

export interface RunFiles {
  readonly title: string;
  readonly dataset: z.infer<typeof datasetSchema>;
  readonly notes: readonly string[];
  /** By what the data say of the people and devices, on the test images. */
  readonly subgroupTests: readonly z.infer<typeof subgroupTestSchema>[];
  /** Of the model that is handed out. */
  readonly test: CardEvaluation;
  readonly training:
    | { readonly kind: 'central'; readonly seeds: number; readonly seed: number }
    | {
        readonly kind: 'federated';
        readonly rounds: number;
        readonly sites: z.infer<typeof federationSchema>['sites'];
        readonly siteTests: readonly z.infer<typeof siteTestSchema>[];
        readonly planHash: string;
        readonly protection: string;
        /** As the plan says it; undefined where it has none. */
        readonly privacy: unknown;
      };
  readonly environment: z.infer<typeof environmentSchema>;
  readonly model: ModelFile;
  readonly modelNotes: ModelNotes;
  readonly weightsDigest: string;
  /** SHA-256 of every file that was read, by its path in the folder. */
  readonly digests: readonly { readonly file: string; readonly sha256: string }[];
}

/** Reads files of one folder and remembers their digests. */
class FolderReader {
  readonly #folder: string;
  readonly digests: { file: string; sha256: string }[] = [];

  constructor(folder: string) {
    this.#folder = folder;
  }

  async bytes(file: string): Promise<Uint8Array> {
    const path = join(this.#folder, file);
    let bytes: Uint8Array;
    try {
      bytes = await readFile(path);
    } catch (cause) {
      throw new InputError(`${path} cannot be read: ${messageOf(cause)}`, { cause });
    }
    this.digests.push({ file, sha256: createHash('sha256').update(bytes).digest('hex') });
    return bytes;
  }

  async json<T>(file: string, schema: z.ZodType<T>): Promise<T> {
    const text = Buffer.from(await this.bytes(file)).toString('utf8');
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch (cause) {
      throw new InputError(`${join(this.#folder, file)} is no JSON`, { cause });
    }
    const parsed = schema.safeParse(value);
    if (parsed.success) return parsed.data;
    const problems = parsed.error.issues
      .slice(0, 3)
      .map(({ path, message }) => `${path.join('.')}: ${message}`);
    throw new InputError(`${join(this.#folder, file)} is not what a run leaves (${problems.join('; ')})`);
  }
}

/** @throws InputError when the folder is no finished run; DataError when model and figures do not belong together */
export async function readRunFiles(folder: string): Promise<RunFiles> {
  if (!existsSync(join(folder, 'metrics.json')))
    throw new InputError(`${folder} has no metrics.json: give the folder of a run that is finished`);
  const reader = new FolderReader(folder);
  const isFederation = existsSync(join(folder, 'plan.json'));
  const figures = isFederation ? await federationFigures(reader) : await trainingFigures(reader);
  const environment = await reader.json('environment.json', environmentSchema);
  const modelPath = await findModel(folder);
  const model = readModelFile(await reader.bytes(modelPath.slice(join(folder, '/').length)));
  const digest = weightsDigest(model.weights);
  if (digest !== figures.weightsDigest)
    throw new DataError(`${modelPath} holds other weights than those that metrics.json is about`);
  return {
    ...figures,
    ...{ environment, model, digests: reader.digests },
    modelNotes: readModelNotes(model.metadata),
  };
}

type Figures = Pick<
  RunFiles,
  'title' | 'dataset' | 'notes' | 'subgroupTests' | 'test' | 'training' | 'weightsDigest'
>;

async function trainingFigures(reader: FolderReader): Promise<Figures> {
  const { title, dataset, notes, subgroupTests, seeds, model } = await reader.json(
    'metrics.json',
    trainingSchema,
  );
  const chosen = seeds.find(({ seed }) => seed === model.seed);
  if (chosen === undefined) throw new DataError(`metrics.json has no figures of seed ${String(model.seed)}`);
  return {
    ...{ title, dataset, notes, subgroupTests, test: chosen.test, weightsDigest: model.weightsDigest },
    training: { kind: 'central', seeds: seeds.length, seed: model.seed },
  };
}

async function federationFigures(reader: FolderReader): Promise<Figures> {
  const run = await reader.json('metrics.json', federationSchema);
  const { hash, plan } = await reader.json('plan.json', planFileSchema);
  const { title, dataset, notes, subgroupTests, rounds, sites, siteTests, test } = run;
  return {
    ...{ title, dataset, notes, subgroupTests, test: test.federated, weightsDigest: run.weightsDigest },
    training: {
      ...{ kind: 'federated', rounds: rounds.length, sites, siteTests, planHash: hash },
      ...{ protection: plan.protection.mode, privacy: plan.privacy },
    },
  };
}
