/**
 * The work that virtual sites and the harness give to a pool: plain data that a worker thread receives. Images are in
 * shared memory, so that no worker has a copy of them.
 */
import type { Architecture } from '../../shared/learning/architectures/architecture.ts';
import type { EngineName } from '../../shared/learning/engines/engine.ts';
import type { LabelledImages } from '../../shared/learning/training/labelled-images.ts';
import type { FitEpoch, FitResult } from '../../shared/learning/training/fit.ts';
import type { Recipe } from '../../shared/learning/training/recipe.ts';
import type { TrainingSeed } from '../../shared/learning/training/seeds.ts';
import type { SiteId } from '../../shared/ids.ts';
import type { LocalResult, TrainingPlan } from '../../client/training/local-update.ts';
import type { FineTuning } from '../../client/training/personalise.ts';
import type { SiteState } from '../../client/training/site-state.ts';

/** A model file that training starts from. */
export interface InitialSpec {
  /** In shared memory. */
  readonly bytes: Uint8Array;
  /** Names the file. */
  readonly sha512: string;
  readonly classNames: readonly string[];
  readonly freeze: readonly string[];
  readonly bodyRateFactor: number;
  /** Nothing is frozen any more. */
  readonly isThawed: boolean;
}

/** Names a compiled model: workers keep one of each. */
export interface ModelSpec {
  readonly engine: EngineName;
  /** Without meaning where there is an initial model. */
  readonly architecture: Architecture;
  readonly initial?: InitialSpec;
  /** [channels, height, width] */
  readonly imageDims: readonly [number, number, number];
  readonly classCount: number;
  readonly recipe: Recipe;
}

/** One int32, shared with whoever may stop the task; anything but 0 stops it between two steps. */
export type StopFlag = Int32Array;

export interface UpdateTask {
  readonly kind: 'update';
  readonly model: ModelSpec;
  readonly plan: TrainingPlan;
  readonly round: number;
  readonly siteId: SiteId;
  /** The global model; may be in shared memory. */
  readonly weights: Float32Array;
  readonly serverControl?: Float32Array | undefined;
  /** Training images of each class in the whole federation, where the plan needs them. */
  readonly classCounts?: readonly number[] | undefined;
  readonly state?: SiteState | undefined;
  readonly data: LabelledImages;
  /** The site's own images that it does not train on. */
  readonly validation?: LabelledImages | undefined;
}

/** Fine-tuning of the finished global model at a site. */
export interface PersonaliseTask {
  readonly kind: 'personalise';
  readonly model: ModelSpec;
  readonly seed: { readonly run: number; readonly site: SiteId };
  readonly fineTuning: FineTuning;
  readonly weights: Float32Array;
  readonly state?: SiteState | undefined;
  readonly data: LabelledImages;
}

/** Central training with a choice of the best epoch on a validation set. */
export interface FitTask {
  readonly kind: 'fit';
  readonly model: ModelSpec;
  readonly seed: TrainingSeed;
  readonly weights: Float32Array;
  readonly data: LabelledImages;
  readonly validation: LabelledImages;
  readonly classNames: readonly string[];
  /** From an epoch on training goes on with this form of the model. */
  readonly thaw?: { readonly model: ModelSpec; readonly fromEpoch: number };
}

export interface PredictTask {
  readonly kind: 'predict';
  readonly model: ModelSpec;
  readonly weights: Float32Array;
  readonly data: LabelledImages;
}

/** Asks what the model runs on. */
export interface DescribeTask {
  readonly kind: 'describe';
  readonly model: ModelSpec;
}

export type Task = UpdateTask | FitTask | PersonaliseTask | PredictTask | DescribeTask;

/** See `Engine`. */
export interface EngineDescription {
  readonly name: EngineName;
  readonly device: string;
}

export interface FitOutcome {
  readonly weights: Float32Array;
  readonly bestEpoch: number | undefined;
  readonly epochs: readonly FitEpoch[];
  readonly stopped: FitResult['stopped'];
}

export type TaskResult =
  | { readonly kind: 'update'; readonly update: LocalResult }
  | { readonly kind: 'fit'; readonly fit: FitOutcome }
  | { readonly kind: 'personalise'; readonly weights: Float32Array }
  /** [count, classes] */
  | { readonly kind: 'predict'; readonly logits: Float32Array }
  | { readonly kind: 'describe'; readonly engine: EngineDescription }
  /** The stop flag came. */
  | { readonly kind: 'stopped' }
  /** `message` is the text of a ConsiliumError, or of whatever else was thrown. */
  | { readonly kind: 'failed'; readonly message: string };

/** What a worker receives. */
export interface TaskMessage {
  readonly task: Task;
  readonly stop: StopFlag;
}

export function createStopFlag(): StopFlag {
  return new Int32Array(new SharedArrayBuffer(4));
}

/** A copy in shared memory: sent to a worker it is not copied again. */
export function toSharedVector(values: Float32Array): Float32Array {
  const shared = new Float32Array(new SharedArrayBuffer(values.byteLength));
  shared.set(values);
  return shared;
}

/** The same examples with their arrays in shared memory. */
export function toSharedMemory(data: LabelledImages): LabelledImages {
  const images = toSharedVector(data.images);
  const labels = new Int32Array(new SharedArrayBuffer(data.labels.byteLength));
  labels.set(data.labels);
  const { count, imageDims } = data;
  return { images, labels, count, imageDims };
}
