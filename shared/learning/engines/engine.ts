/**
 * The small interface that every engine has. Weights, gradients and batches are flat float32 arrays; what
 * happens between them is the engine's business.
 */
import type { Model } from '../graph/types.ts';

export const ENGINE_NAMES = [
  'onnx',
  'onnx-webgpu',
  'onnx-cuda',
  'onnx-directml',
  'onnx-coreml',
  'onnx-wasm',
  'tensorflow-gpu',
  'tensorflow',
  'tensorflow-js',
] as const;
export type EngineName = (typeof ENGINE_NAMES)[number];

export interface Batch {
  /** [batchSize, channels, height, width], row-major. */
  readonly images: Float32Array;
  /** [batchSize, classes]: one-hot or soft labels for 'softmax', independent 0…1 targets for 'sigmoid'. */
  readonly targets: Float32Array;
  /**
   * [batchSize]: the loss is Σ weight·loss of the example, so that a mean over n examples has weights 1/n;
   * padding has weight 0. With per-example clipping each clipped gradient is multiplied by its weight.
   */
  readonly sampleWeights: Float32Array;
  /**
   * The dropout masks one after the other in the order of `CompiledModel.dropoutMasks`; an entry is 0 or 1/(1−ratio).
   * Absent: nothing is dropped.
   */
  readonly dropoutMasks?: Float32Array;
}

export type LossKind = 'softmax' | 'sigmoid';

export interface CompileOptions {
  /** Examples in a training step, fixed. */
  readonly batchSize: number;
  readonly loss: LossKind;
  /** In [0, 1); targets become (1−s)·target + s/classes ('softmax') or (1−s)·target + s/2 ('sigmoid'). Default 0. */
  readonly labelSmoothing?: number;
  /** Batch normalisation uses its running statistics in training too. Default false. */
  readonly frozenNormalization?: boolean;
  /** L2 bound of each example's gradient over all trainable parameters (Abadi et al. 2016, Algorithm 1). Absent: no clipping. */
  readonly perExampleClipL2Norm?: number;
}

export interface DropoutMask {
  /** Values of one example. */
  readonly length: number;
  /** Probability that a value is dropped, in (0, 1). */
  readonly ratio: number;
}

export interface StepResult {
  /** The weighted sum of the examples' losses. */
  readonly loss: number;
  /** [batchSize, classes]; a view that the next call overwrites. */
  readonly logits: Float32Array;
}

export interface CompiledModel {
  /** One entry a Dropout node, in graph order; the mask of a batch holds batchSize·length values for each. */
  readonly dropoutMasks: readonly DropoutMask[];
  /**
   * Writes the gradient of every trainable parameter into `out`, in the layout of the weights. The slots of running
   * statistics receive the batch's own statistics (mean, biased variance); other untrained slots receive zero.
   * `weights` and `out` have `manifestOf(model).length` values; passing the same arrays again costs nothing.
   */
  gradients(weights: Float32Array, batch: Batch, out: Float32Array): Promise<StepResult>;
  /** Logits [count, classes] of `images` [count, channels, height, width], any count, in inference form. */
  predict(weights: Float32Array, images: Float32Array): Promise<Float32Array>;
  dispose(): Promise<void>;
}

export interface Engine {
  readonly name: EngineName;
  /** What it runs on, for people: "CPU, AVX-512 blocked kernels", "NVIDIA H200 (CUDA)". */
  readonly device: string;
  compile(model: Model, options: CompileOptions): Promise<CompiledModel>;
}
