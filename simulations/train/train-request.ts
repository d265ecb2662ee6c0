/** What central training can be told, and the complete configuration that follows from it and from the data. */
import type { PreprocessingOptions } from '../../shared/data/preprocessing-schema.ts';
import type { Architecture } from '../../shared/learning/architectures/architecture.ts';
import type { EngineName } from '../../shared/learning/engines/engine.ts';
import type { Recipe, RecipeInput } from '../../shared/learning/training/recipe.ts';
import type { TransferConfig, TransferRequest } from './initial-model.ts';
import type { ArchitectureRequest } from './presets.ts';
import type { Selection } from './selection.ts';

/** Where the images come from; see `openDataset`. */
export interface DataSource {
  readonly dataset: string;
  readonly file?: string;
  /** Phantoms: how many images. */
  readonly images?: number;
  /** Phantoms and image files: side in pixels. */
  readonly size?: number;
  /** Class folders: at most so many images of each class. */
  readonly limitPerClass?: number;
}

export interface SplitRequest {
  /** Of the whole; not used where the data have an official test part. */
  readonly testFraction: number;
  /** Of what is not test; not used where the data have an official validation part. */
  readonly validationFraction: number;
  /** The split does not depend on the training seeds: several trainings are judged on the same images. */
  readonly seed: number;
}

export const DEFAULT_SPLIT: SplitRequest = { testFraction: 0.2, validationFraction: 0.15, seed: 0 };

/** Enough for two digits of an interval's ends. */
export const DEFAULT_REPLICATES = 1000;

export interface TrainRequest {
  readonly source: DataSource;
  readonly split: SplitRequest;
  /** One training each, at least one. */
  readonly seeds: readonly number[];
  readonly engine: EngineName | 'auto';
  /** Trainings at the same time. */
  readonly workers: number;
  /** Resamples behind each 95 % interval. */
  readonly bootstrapReplicates: number;
  /** Replaces single settings of the preset's architecture. */
  readonly architecture?: ArchitectureRequest;
  /** Training starts from this model instead of an architecture. */
  readonly transfer?: TransferRequest;
  /** Absent: that of the preset. */
  readonly preprocessing?: PreprocessingOptions;
  readonly selection?: Selection;
  /** Replaces single settings of the preset's recipe. */
  readonly recipe: RecipeInput;
}

/** Complete: the same configuration gives the same models on the same machine type. config.json holds it. */
export interface TrainConfig {
  readonly source: DataSource;
  readonly split: SplitRequest;
  readonly seeds: readonly number[];
  readonly engine: EngineName;
  readonly workers: number;
  readonly bootstrapReplicates: number;
  /** Not used where there is a `transfer`. */
  readonly architecture: Architecture;
  readonly transfer?: TransferConfig;
  readonly preprocessing: PreprocessingOptions;
  readonly recipe: Recipe;
  readonly selection: Selection;
}
