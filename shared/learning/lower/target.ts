/** What the runtime of a lowered graph can do. */
export interface LowerTarget {
  /** Channels in a block of ONNX Runtime's blocked CPU kernels (8 or 16); absent: standard operators only. */
  readonly blockSize?: 8 | 16;
  /** Whether LogSoftmax may be used; WebGPU has no kernel for it. */
  readonly logSoftmax: boolean;
  /** Whether HardSigmoid with a steep slope may stand for a step function; GPUs compare instead. */
  readonly steepStep: boolean;
  /** Whether the convolutional part runs over a few examples at a time, for the sake of the processor's cache. */
  readonly microBatches: boolean;
}

/** Standard ONNX operators that every CPU runtime has. */
export const STANDARD_TARGET: LowerTarget = { logSoftmax: true, steepStep: true, microBatches: true };

/** Standard ONNX operators that GPU execution providers have. */
export const GPU_TARGET: LowerTarget = { logSoftmax: false, steepStep: false, microBatches: false };
