/** The two losses in TensorFlow.js: Σ weightₙ·lossₙ of logits [N, K], targets [N, K], weights [N]. */
import type * as tf from '@tensorflow/tfjs';
import type { CompileOptions } from './engine.ts';
import type { TensorFlow } from './tensorflow-library.ts';

export interface LossInputs {
  readonly logits: tf.Tensor;
  readonly targets: tf.Tensor;
  readonly sampleWeights: tf.Tensor;
}

/** Smoothed targets: Szegedy et al. 2016, §7. */
function smoothed(lib: TensorFlow, targets: tf.Tensor, options: CompileOptions): tf.Tensor {
  const smoothing = options.labelSmoothing ?? 0;
  if (smoothing === 0) return targets;
  const classes = targets.shape[1] ?? 1;
  const share = options.loss === 'softmax' ? smoothing / classes : smoothing / 2;
  return lib.add(lib.mul(targets, 1 - smoothing), share);
}

export function weightedLoss(lib: TensorFlow, inputs: LossInputs, options: CompileOptions): tf.Scalar {
  const { logits, sampleWeights } = inputs;
  const targets = smoothed(lib, inputs.targets, options);
  const terms =
    options.loss === 'softmax'
      ? lib.neg(lib.mul(targets, lib.logSoftmax(logits)))
      : lib.sub(lib.softplus(logits), lib.mul(logits, targets));
  return lib.sum(lib.mul(lib.sum(terms, 1), sampleWeights));
}
