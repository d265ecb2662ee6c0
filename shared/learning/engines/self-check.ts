/**
 * The start-up check of an engine: loss, logits and every gradient of a small training step against reference values.
 * An engine that computes something else (a driver's bug, a wrong block size) must not train anyone's model.
 */
import { manifestOf } from '../weights.ts';
import type { Engine } from './engine.ts';
import { reasonOf } from './failure-reason.ts';
import { selfCheckBatch, selfCheckModel, selfCheckOptions, selfCheckWeights } from './self-check-model.ts';
import { referenceGradients, REFERENCE_LOSS } from './self-check-reference.ts';

/** A thousand times the rounding of float32 sums of this size, far below any wrong kernel's error. */
export const SELF_CHECK_TOLERANCE = 1e-3;

export type SelfCheckResult =
  | { readonly passed: true; readonly relativeError: number }
  | { readonly passed: false; readonly reason: string };

/** ‖actual − expected‖ / ‖expected‖, infinite where a value is not finite. */
export function relativeError(actual: Float32Array, expected: Float32Array): number {
  let difference = 0;
  let size = 0;
  for (let i = 0; i < expected.length; i++) {
    const wanted = expected[i] ?? Number.NaN;
    difference += ((actual[i] ?? Number.NaN) - wanted) ** 2;
    size += wanted ** 2;
  }
  const error = Math.sqrt(difference / size);
  return Number.isNaN(error) ? Infinity : error;
}

interface Step {
  readonly loss: number;
  readonly gradients: Float32Array;
}

async function oneStep(engine: Engine): Promise<Step> {
  const model = selfCheckModel();
  const compiled = await engine.compile(model, selfCheckOptions);
  try {
    const gradients = new Float32Array(manifestOf(model).length);
    const { loss } = await compiled.gradients(selfCheckWeights(), selfCheckBatch(), gradients);
    return { loss, gradients };
  } finally {
    await compiled.dispose();
  }
}

function judge({ loss, gradients }: Step): SelfCheckResult {
  const errors: [string, number][] = [['loss', Math.abs(loss / REFERENCE_LOSS - 1)]];
  const reference = referenceGradients();
  for (const { name, offset, length } of manifestOf(selfCheckModel()).entries) {
    const part = (values: Float32Array): Float32Array => values.subarray(offset, offset + length);
    errors.push([`the gradient of "${name}"`, relativeError(part(gradients), part(reference))]);
  }
  const [worst = ['loss', Infinity]] = errors.sort(([, a], [, b]) => b - a);
  const [what, error] = worst;
  if (error < SELF_CHECK_TOLERANCE) return { passed: true, relativeError: error };
  return {
    passed: false,
    reason: `self-check failed: ${what} has a relative error of ${error.toExponential(1)} (allowed: ${SELF_CHECK_TOLERANCE.toExponential(0)})`,
  };
}

/** Never rejects: an engine that fails while it runs has not passed. */
export async function selfCheck(engine: Engine): Promise<SelfCheckResult> {
  try {
    return judge(await oneStep(engine));
  } catch (error) {
    return { passed: false, reason: `self-check failed: ${reasonOf(error)}` };
  }
}
