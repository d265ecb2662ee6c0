/** One federation of `npm run bench:federated` through the harness, with the figures that its rows show. */
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { accuracyAt, accuracyThreshold } from '../../shared/learning/metrics/accuracy-threshold.ts';
import type { Evaluation } from '../../shared/learning/metrics/evaluation.ts';
import { softmax } from '../../shared/learning/metrics/probabilities.ts';
import { stepsPerEpochOf } from '../../shared/learning/training/batches.ts';
import type { LabelledImages } from '../../shared/learning/training/labelled-images.ts';
import { recipeSchema } from '../../shared/learning/training/recipe.ts';
import { runFederation, type SimulationOutcome } from '../../simulations/harness.ts';
import { judge } from '../../coordinator/evaluation/judge.ts';
import { createWorkerPool } from '../../simulations/pool/pool.ts';
import type { ModelSpec } from '../../simulations/pool/tasks.ts';
import type { SimulationHooks } from '../../simulations/progress.ts';
import { parseSimulation, type SimulationConfig } from '../../simulations/simulation-config.ts';
import { prepareData, type PreparedData } from '../../simulations/virtual/prepare.ts';
import { readYamlFile } from '../../shared/yaml-file.ts';
import type { Case, Variant } from './federated-cases.ts';

/** A consortium pays for rounds: what is reached after so many. */
export const MARKS = [25, 50, 100] as const;

export interface Reached {
  readonly auc: number;
  readonly accuracy: number;
  readonly balancedAccuracy: number;
}

export interface FederatedFigures {
  readonly seed: number;
  readonly rounds: number;
  readonly localSteps: number;
  readonly batchSize: number;
  readonly bestRound: number;
  /** Of each site's training images, by class. */
  readonly siteCounts: readonly (readonly number[])[];
  /** The model with the best validation score, on the test images. */
  readonly federated: Reached;
  /** The same with the threshold that is best on the validation images; two classes only. */
  readonly accuracyAtThreshold: number | undefined;
  /** The best so far after so many rounds, on the test images. */
  readonly after: ReadonlyMap<number, Reached>;
  /** Sent by one site in all rounds, mean over the sites. */
  readonly bytesUpPerSite: number;
  /** Images in the training steps of all sites. */
  readonly imagesTrained: number;
  readonly comparison: ComparisonFigures | undefined;
}

export interface ComparisonFigures {
  readonly pooled: Reached;
  readonly pooledImagesTrained: number;
  /** Each site's own model, where it is compared. */
  readonly local: readonly Reached[];
}

const recipes = (name: string): string =>
  fileURLToPath(new URL(`../../simulations/recipes/${name}`, import.meta.url));

export interface RunRequest {
  readonly entry: Case;
  readonly variant: Variant;
  readonly path: string;
  readonly seed: number;
  readonly workers: number;
  /** Train the pooled model, and the sites' own where the case compares them. */
  readonly compare: boolean;
  readonly hooks: SimulationHooks;
}

export function configOf({ entry, variant, path, seed, workers, compare }: RunRequest): SimulationConfig {
  const recipe = readYamlFile('recipe', recipes(variant.recipe), z.looseObject({}));
  return parseSimulation({
    ...recipe,
    ...entry.source(path),
    ...entry.partition,
    ...variant.settings,
    training: { ...z.looseObject({}).parse(recipe['training'] ?? {}), ...variant.training },
    comparisonTraining: entry.central,
    // What hides an update changes neither the sum nor the number of its values.
    protection: 'plain',
    compare: compare ? ['pooled', ...(entry.compareLocal ? ['local'] : [])] : [],
    bootstrapReplicates: 100,
    ...{ seed, workers },
  });
}

export async function runCase(request: RunRequest): Promise<FederatedFigures> {
  const config = configOf(request);
  const kept = new Map<number, Float32Array>();
  const outcome = await runFederation(config, request.hooks, {
    save: ({ position, rounds }) => {
      const done = rounds.at(-1)?.round ?? 0;
      if (position.best && MARKS.some((mark) => mark === done)) kept.set(done, position.best.weights);
      return Promise.resolve();
    },
  });
  const data = await prepareData(config, request.hooks.signal);
  const { after, accuracyAtThreshold } = await judgeAgain(config, data, { outcome, kept });
  const { sites, rounds, test, bestRound = 0 } = outcome.result;
  const { batchSize } = config.training;
  const localSteps = config.localSteps ?? 0;
  const imagesTrained = config.rounds * localSteps * batchSize * sites.length;
  return {
    ...{ seed: config.seed, rounds: config.rounds, localSteps, batchSize, bestRound, imagesTrained },
    siteCounts: sites.map(({ classCounts }) => classCounts),
    federated: reachedBy(test.federated),
    ...{ accuracyAtThreshold, after },
    bytesUpPerSite: rounds.reduce((sum, { bytesUp = 0 }) => sum + bytesUp, 0) / sites.length,
    comparison: comparisonOf(config, outcome, data.pooled.count),
  };
}

function comparisonOf(
  { comparisonTraining }: SimulationConfig,
  { result }: SimulationOutcome,
  pooledCount: number,
): ComparisonFigures | undefined {
  const { pooled, local = [] } = result.test;
  if (!pooled) return undefined;
  const { epochs, batchSize } = recipeSchema.parse(comparisonTraining);
  return {
    pooled: reachedBy(pooled),
    pooledImagesTrained: epochs * stepsPerEpochOf(pooledCount, batchSize) * batchSize,
    local: local.map(({ evaluation }) => reachedBy(evaluation)),
  };
}

function reachedBy({ metrics }: Evaluation): Reached {
  return {
    auc: metrics.auc.value ?? NaN,
    accuracy: metrics.accuracy.value ?? NaN,
    balancedAccuracy: metrics.balancedAccuracy.value ?? NaN,
  };
}

/** The models of the marks, and the last one's threshold. */
async function judgeAgain(
  config: SimulationConfig,
  data: PreparedData,
  {
    outcome,
    kept,
  }: { readonly outcome: SimulationOutcome; readonly kept: ReadonlyMap<number, Float32Array> },
): Promise<Pick<FederatedFigures, 'after' | 'accuracyAtThreshold'>> {
  const { classNames, imageDims } = data;
  const { engine, architecture, training: recipe } = config;
  const model: ModelSpec = { engine, architecture, imageDims, classCount: classNames.length, recipe };
  const pool = createWorkerPool(1);
  try {
    const logitsOf = (weights: Float32Array, images: LabelledImages): Promise<Float32Array> =>
      pool.predict({ model, weights, data: images });
    const after = new Map<number, Reached>();
    for (const [mark, weights] of kept) {
      const { metrics } = judge(await logitsOf(weights, data.test), data.test.labels, classNames);
      const { auc = NaN, accuracy = NaN, balancedAccuracy = NaN } = metrics;
      after.set(mark, { auc, accuracy, balancedAccuracy });
    }
    if (classNames.length !== 2) return { after, accuracyAtThreshold: undefined };
    const scored = async (images: LabelledImages) => ({
      scores: ofSecondClass(softmax(await logitsOf(outcome.weights, images), 2)),
      labels: images.labels,
    });
    const threshold = accuracyThreshold(await scored(data.validation));
    return { after, accuracyAtThreshold: accuracyAt(await scored(data.test), threshold) };
  } finally {
    await pool.close();
  }
}

const ofSecondClass = (probabilities: ArrayLike<number>): number[] =>
  Array.from(probabilities).filter((_, i) => i % 2 === 1);
