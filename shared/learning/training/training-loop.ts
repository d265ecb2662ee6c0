/**
 * The one loop of local training: batch → engine → hooks → optimiser. Central and federated training both run it.
 */
import { setImmediate } from 'node:timers/promises';
import { InvariantError } from '../../errors.ts';
import type { CompiledModel } from '../engines/engine.ts';
import type { Manifest } from '../weights.ts';
import { createBatchSource, stepsPerEpochOf, type BatchSource } from './batches.ts';
import { classCountsOf, classWeights } from './class-weights.ts';
import { TrainingError } from './errors.ts';
import { clipGlobalNorm, type GradientHook } from './gradient-hooks.ts';
import { checkLabelledImages, type LabelledImages } from './labelled-images.ts';
import { calibratedGradients, type Gradients } from './logit-calibration.ts';
import type { Optimizer } from './optimizers/optimizer.ts';
import type { Recipe } from './recipe.ts';
import { runningStatisticsUpdate, type StatisticsUpdate } from './running-statistics.ts';
import type { TrainingSeed } from './seeds.ts';

export interface TrainingInput {
  /** Compiled with `compileOptionsOf(recipe)`. */
  readonly compiled: CompiledModel;
  readonly manifest: Manifest;
  /** Where training starts; stays as it is. */
  readonly weights: Float32Array;
  readonly data: LabelledImages;
  readonly classCount: number;
  readonly recipe: Recipe;
  readonly seed: TrainingSeed;
  /** Run in their order after the engine and before the clipping of the recipe. */
  readonly hooks?: readonly GradientHook[];
  /** Examples of each class in the whole federation, for its class weights. Default: of `data`. */
  readonly federationCounts?: readonly number[] | undefined;
  /** The order of the images is that of the whole run of `seed`, whatever its round. */
  readonly continuesOrder?: boolean | undefined;
  /** Looked at between steps: a step that runs is always finished. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: TrainingProgress) => void;
}

export interface TrainingProgress {
  /** From 1. */
  readonly epoch: number;
  /** Steps done in this training, from 1. */
  readonly step: number;
  readonly totalSteps: number;
  /** Loss of this step's batch. */
  readonly loss: number;
}

export interface EpochRecord {
  /** From 1. */
  readonly epoch: number;
  /** Mean over the examples, each batch's class-weighted mean counted by its examples. */
  readonly loss: number;
  readonly steps: number;
  readonly examples: number;
  /** Of the last step. */
  readonly learningRate: number;
}

export interface TrainingLoop {
  readonly stepsPerEpoch: number;
  /**
   * Trains one epoch, or less when `limit` steps are reached or the signal is aborted; undefined when not even one
   * step was made.
   * @param epoch from 1
   * @param learningRateOf by the step of the whole training, from 0
   * @param limit `firstBatch`: of the epoch, from 0; those before it are left out
   * @throws TrainingError when the loss or a weight is no longer finite
   */
  runEpoch(
    epoch: number,
    learningRateOf: (step: number) => number,
    limit: { readonly totalSteps: number; readonly firstBatch?: number },
  ): Promise<EpochRecord | undefined>;
}

/** Copies the start weights into the optimiser and prepares everything that lasts for the training. */
export function createTrainingLoop(input: TrainingInput, optimizer: Optimizer): TrainingLoop {
  const { data, manifest, recipe, classCount } = input;
  if (input.weights.length !== manifest.length)
    throw new InvariantError('the start weights do not fit the model');
  checkLabelledImages(data, classCount);
  optimizer.weights.set(input.weights);
  const counts = classCountsOf(data.labels, classCount);
  const batches = createBatchSource({
    data,
    classCount,
    recipe,
    classWeights: classWeights(recipe.classWeighting, weighedCounts(input, counts)),
    keepsClassScale: recipe.classWeighting.kind === 'federated',
    dropoutMasks: input.compiled.dropoutMasks,
    seed: input.seed,
    continuesOrder: input.continuesOrder,
  });
  const clip =
    recipe.gradientClipL2Norm === undefined ? [] : [clipGlobalNorm(recipe.gradientClipL2Norm, manifest)];
  const prepared: PreparedStep = {
    gradients: calibratedGradients(input.compiled, manifest, { counts, tau: recipe.logitCalibrationTau }),
    optimizer,
    batches,
    hooks: [...(input.hooks ?? []), ...clip],
    updateStatistics: recipe.frozenNormalization
      ? () => undefined
      : runningStatisticsUpdate(manifest, recipe.normalizationMomentum),
  };
  let step = 0;
  return {
    stepsPerEpoch: stepsPerEpochOf(data.count, recipe.batchSize),
    async runEpoch(epoch, learningRateOf, { totalSteps, firstBatch = 0 }) {
      const first = step;
      let lossSum = 0;
      let examples = 0;
      let learningRate = 0;
      for (const batch of batches(epoch, firstBatch)) {
        if (step >= totalSteps || input.signal?.aborted) break;
        learningRate = learningRateOf(step);
        const loss = await trainStep(prepared, batch, learningRate, { epoch, step: step + 1 });
        step++;
        lossSum += loss * batch.examples;
        examples += batch.examples;
        input.onProgress?.({ epoch, step, totalSteps, loss });
        // Messages (an abort, a progress display) are handled between two steps; a timer would cost a millisecond.
        await setImmediate();
      }
      if (step === first) return undefined;
      checkFinite(optimizer.weights, manifest, { epoch, step, learningRate });
      return { epoch, loss: lossSum / examples, steps: step - first, examples, learningRate };
    },
  };
}

/** What class weights are made of. A site that was not counted may have a class that no other has: it must not weigh nothing. */
function weighedCounts(
  { recipe, federationCounts }: Pick<TrainingInput, 'recipe' | 'federationCounts'>,
  own: readonly number[],
): readonly number[] {
  if (recipe.classWeighting.kind !== 'federated' || !federationCounts) return own;
  return own.map((count, label) => Math.max(count, federationCounts[label] ?? 0));
}

interface PreparedStep {
  readonly gradients: Gradients;
  readonly optimizer: Optimizer;
  readonly batches: BatchSource;
  readonly hooks: readonly GradientHook[];
  readonly updateStatistics: StatisticsUpdate;
}

/** One step; returns the batch's loss. */
async function trainStep(
  prepared: PreparedStep,
  batch: Parameters<CompiledModel['gradients']>[1],
  learningRate: number,
  position: { readonly epoch: number; readonly step: number },
): Promise<number> {
  const { weights, gradients } = prepared.optimizer;
  const { loss } = await prepared.gradients(weights, batch, gradients);
  if (!Number.isFinite(loss)) throw notFinite('the loss', { ...position, learningRate });
  for (const hook of prepared.hooks) hook(gradients, weights);
  prepared.optimizer.step(learningRate);
  prepared.updateStatistics(weights, gradients);
  return loss;
}

interface StepPosition {
  readonly epoch: number;
  readonly step: number;
  readonly learningRate: number;
}

function notFinite(what: string, at: StepPosition): TrainingError {
  return new TrainingError(
    `training diverged: ${what} is not a finite number at step ${String(at.step)} (epoch ${String(at.epoch)}). ` +
      `Lower learningRate (now ${at.learningRate.toPrecision(3)}), set gradientClipL2Norm, add warmUpEpochs, ` +
      'or check the images for values that are not numbers.',
  );
}

function checkFinite(weights: Float32Array, manifest: Manifest, at: StepPosition): void {
  for (const entry of manifest.entries) {
    // v − v is 0 for a finite v and NaN otherwise: one pass without a call for each weight.
    let residue = 0;
    for (let i = entry.offset; i < entry.offset + entry.length; i++) {
      const value = weights[i] ?? 0;
      residue += value - value;
    }
    if (residue !== 0) throw notFinite(`a weight of '${entry.name}'`, at);
  }
}
