/** One backbone, and one federation from it or from scratch, of `npm run bench:transfer`. */
import { writeFile } from 'node:fs/promises';
import { preprocessingSchema } from '../../shared/data/preprocessing-schema.ts';
import { architectureSchema, buildModel } from '../../shared/learning/architectures/architecture.ts';
import { writeModel } from '../../shared/learning/graph/model-file.ts';
import type { MetricName } from '../../shared/learning/metrics/evaluation.ts';
import { recipeSchema, type RecipeInput } from '../../shared/learning/training/recipe.ts';
import { initialWeights } from '../../shared/learning/weights.ts';
import { runFederation } from '../../simulations/harness.ts';
import type { Pool } from '../../simulations/pool/pool.ts';
import type { SimulationInput } from '../../simulations/simulation-config.ts';
import { openAndSplit, prepareData } from '../../simulations/train/prepare.ts';
import { DEFAULT_SPLIT } from '../../simulations/train/train-request.ts';
import { PREPROCESSING, type SourceSet } from './transfer-sets.ts';

/** The same in every cell: means over positions leave a head that few labels can train. */
const ARCHITECTURE = architectureSchema.parse({
  name: 'cnn',
  options: { filters: [16, 32, 64, 128], dense: 0, head: 'mean', normalization: 'group' },
});
const BACKBONE = {
  ...{ batchSize: 64, learningRate: 2e-3, classWeighting: { kind: 'balanced' } },
} satisfies RecipeInput;

export interface Backbone {
  readonly file: string;
  /** On the source's own validation images, of the epoch that was kept. */
  readonly validationScore: number;
}

export interface BackboneRequest {
  /** Of the images. */
  readonly path: string;
  /** To be written. */
  readonly file: string;
  readonly quick: boolean;
  readonly pool: Pool;
}

/** Trains a backbone in one place and writes it as ONNX. */
export async function trainBackbone(
  source: SourceSet,
  { path, file, quick, pool }: BackboneRequest,
  signal: AbortSignal,
): Promise<Backbone> {
  const opened = await openAndSplit({ dataset: source.dataset(path) }, { ...DEFAULT_SPLIT, seed: 0 });
  const preprocessing = preprocessingSchema.parse(PREPROCESSING);
  const { train, validation, summary } = await prepareData(opened, preprocessing);
  const { classNames } = summary;
  const recipe = { ...BACKBONE, ...source.recipe, ...(quick && { epochs: 1 }) };
  const network = buildModel(ARCHITECTURE, train.imageDims, classNames.length);
  const { weights, bestEpoch, epochs } = await pool.fit(
    {
      model: {
        ...{ engine: 'onnx', architecture: ARCHITECTURE, imageDims: train.imageDims },
        ...{ classCount: classNames.length, recipe: recipeSchema.parse(recipe) },
      },
      seed: { run: 0, round: 0, site: 'central' },
      weights: initialWeights(network, 0),
      ...{ data: train, validation, classNames },
    },
    signal,
  );
  await writeFile(
    file,
    writeModel(network, weights, { classNames, activation: 'softmax', preprocessing: null }),
  );
  return { file, validationScore: epochs[(bestEpoch ?? 1) - 1]?.validation.score ?? NaN };
}

/**
 * All arms take the same number of steps whatever the number of labels. Rounds are what a consortium pays for: they are few,
 * and with more of them training from scratch catches up (`--rounds`).
 */
export const ROUNDS = 5;
const SETTINGS = {
  ...{ sites: 5, partition: 'iid', minimumPerSite: 4, localSteps: 10 },
  protection: 'plain',
  ...{ compare: [], bootstrapReplicates: 100 },
} satisfies Partial<SimulationInput>;

export interface CellRequest {
  /** A target's file. */
  readonly dataset: string;
  readonly seed: number;
  readonly rounds: number;
  readonly pool: Pool;
  /** Absent: from scratch. */
  readonly start?: Start;
}

export interface Start {
  /** Of the backbone. */
  readonly file: string;
  /** The body stays as the source made it: only the head is trained and sent. */
  readonly isFrozen: boolean;
}

export type CellFigures = Readonly<Record<'auc' | 'accuracy' | 'balancedAccuracy', number>> & {
  readonly bytesUpPerSite: number;
};

/** The figures of the round that is best on the validation images, on the held-out test images. */
export async function runCell(request: CellRequest, signal: AbortSignal): Promise<CellFigures> {
  const { dataset, seed, rounds, pool, start } = request;
  const { result } = await runFederation(
    {
      ...SETTINGS,
      ...{ dataset: `npz:${dataset}`, seed, rounds, workers: pool.workerCount },
      preprocessing: PREPROCESSING,
      training: TRAINING,
      ...(start ? { initialModel: initialModelOf(start) } : { architecture: ARCHITECTURE }),
    },
    { signal },
    { createPool: () => keptOpen(pool) },
  );
  const { metrics } = result.test.federated;
  const of = (name: MetricName): number => metrics[name].value ?? NaN;
  const bytes = result.rounds.reduce((sum, { bytesUp = 0 }) => sum + bytesUp, 0);
  return {
    ...{ auc: of('auc'), accuracy: of('accuracy'), balancedAccuracy: of('balancedAccuracy') },
    bytesUpPerSite: bytes / result.sites.length,
  };
}

const TRAINING = {
  ...{ batchSize: 16, learningRate: 2e-3, schedule: { kind: 'cosine', floorFraction: 0.1 } },
} satisfies SimulationInput['training'];

/** All of it from the first round, the body with a smaller rate, unless the body is frozen throughout. */
function initialModelOf({ file, isFrozen }: Start): SimulationInput['initialModel'] {
  return isFrozen ? { file, freeze: ['block*'] } : { file, bodyRateFactor: 0.5 };
}

/** The same pool for many federations: starting workers would take longer than a short one. */
function keptOpen(pool: Pool): Pool {
  return {
    workerCount: pool.workerCount,
    update: (task, signal) => pool.update(task, signal),
    fit: (task, signal) => pool.fit(task, signal),
    personalise: (task, signal) => pool.personalise(task, signal),
    predict: (task, signal) => pool.predict(task, signal),
    describe: (model, signal) => pool.describe(model, signal),
    close: () => Promise.resolve(),
  };
}
