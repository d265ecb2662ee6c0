/**
 * Bounds on a LayersModel that somebody else wrote, applied before anything is allocated for what the file promises. The
 * largest published image classifiers stay far below every one of them.
 */
export interface LayersModelLimits {
  /** Bytes of model.json. */
  readonly jsonBytes: number;
  /** Layers, those of a nested model counted at each of its calls. */
  readonly calls: number;
  /** Models inside models. */
  readonly nesting: number;
  /** Weight tensors in the manifest. */
  readonly weights: number;
  /** Files that hold weights. */
  readonly shards: number;
  /** Bytes of all weights together, in the files and decoded. */
  readonly weightBytes: number;
  /** Values that one layer makes of one example. */
  readonly valueElements: number;
}

const MIB = 1 << 20;

export const DEFAULT_LAYERS_MODEL_LIMITS: LayersModelLimits = {
  jsonBytes: 32 * MIB,
  calls: 5000,
  nesting: 8,
  weights: 20_000,
  shards: 1000,
  weightBytes: 512 * MIB,
  valueElements: 128 * MIB,
};
