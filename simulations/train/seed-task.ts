/** One training of central training: plain data that a worker thread receives and gives back. */
import type { Evaluation } from '../../shared/learning/metrics/evaluation.ts';
import type { TemperatureFit } from '../../shared/learning/metrics/temperature.ts';
import type { Architecture } from '../../shared/learning/architectures/architecture.ts';
import type { Model } from '../../shared/learning/graph/types.ts';
import type { EngineName } from '../../shared/learning/engines/engine.ts';
import type { LabelledImages } from '../../shared/learning/training/labelled-images.ts';
import type { Recipe } from '../../shared/learning/training/recipe.ts';
import type { EpochResult } from '../report/result-types.ts';
import type { TransferRequest } from './initial-model.ts';
import type { Selection } from './selection.ts';

export interface SeedTask {
  /** Decides initial weights, order, augmentation and dropout. */
  readonly seed: number;
  readonly engine: EngineName;
  readonly architecture: Architecture;
  /** Training starts from this model instead of the architecture. */
  readonly initial?: { readonly model: Model; readonly transfer: TransferRequest };
  readonly recipe: Recipe;
  readonly selection: Selection;
  readonly classNames: readonly string[];
  readonly train: LabelledImages;
  readonly validation: LabelledImages;
  readonly test: LabelledImages;
  /** [test.count]; intervals draw patients, not images. */
  readonly testPatients: readonly string[];
  /** Resamples behind each 95 % interval; 0: no intervals. */
  readonly bootstrapReplicates: number;
}

export interface SeedOutcome {
  readonly seed: number;
  readonly epochs: readonly EpochResult[];
  /** From 1. */
  readonly bestEpoch: number;
  readonly stopped: 'completed' | 'earlyStopping' | 'aborted';
  /** Of the best epoch, the adjustment for class priors folded in. */
  readonly weights: Float32Array;
  /** Of these weights: the figure of merit on the validation images. */
  readonly validationScore: number | undefined;
  /** Of these weights, on the validation images; undefined where they are too few. */
  readonly calibration: TemperatureFit | undefined;
  readonly test: Evaluation;
  /** [test.count, classes] */
  readonly testProbabilities: Float64Array;
  readonly durationMs: number;
}

export type SeedProgress =
  | {
      readonly kind: 'step';
      readonly seed: number;
      readonly epoch: number;
      readonly step: number;
      readonly totalSteps: number;
      readonly loss: number;
    }
  | { readonly kind: 'epoch'; readonly seed: number; readonly result: EpochResult };

/** `outcome` is undefined when the training was stopped before its first epoch was judged. */
export type SeedResultMessage =
  | { readonly kind: 'done'; readonly outcome: SeedOutcome | undefined }
  /** An error loses its class on the way between threads: `expected` tells a ConsiliumError from a bug. */
  | { readonly kind: 'failed'; readonly expected: boolean; readonly message: string };
