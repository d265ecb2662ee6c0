/** Engines for tests: the reference gradients with a chosen change, or a failure. */
import type { CompiledModel, Engine, EngineName } from '../../../../shared/learning/engines/engine.ts';
import {
  REFERENCE_LOSS,
  referenceGradients,
} from '../../../../shared/learning/engines/self-check-reference.ts';

export interface FakeOptions {
  readonly name?: EngineName;
  readonly loss?: number;
  readonly change?: (gradients: Float32Array) => void;
  readonly failure?: Error;
}

/** Answers every step with the self-check's reference values, whatever the model. */
export function fakeEngine(options: FakeOptions = {}): Engine & { readonly disposed: () => number } {
  let disposed = 0;
  const compiled: CompiledModel = {
    dropoutMasks: [],
    gradients: (_weights, _batch, out) => {
      if (options.failure) return Promise.reject(options.failure);
      const gradients = referenceGradients();
      options.change?.(gradients);
      out.set(gradients.subarray(0, out.length));
      return Promise.resolve({ loss: options.loss ?? REFERENCE_LOSS, logits: new Float32Array(12) });
    },
    predict: () => Promise.resolve(new Float32Array()),
    dispose: () => {
      disposed++;
      return Promise.resolve();
    },
  };
  return {
    name: options.name ?? 'onnx',
    device: 'a fake',
    compile: () => Promise.resolve(compiled),
    disposed: () => disposed,
  };
}
