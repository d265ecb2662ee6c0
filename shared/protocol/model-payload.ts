/** The payload of a request to train: weights ‖ the server's control variate where the strategy has one, float32 little-endian. */
import { weightsFromBytes, weightsToBytes } from '../learning/weights.ts';
import type { Plan } from './plan.ts';
import { vectorCountOf } from './strategy.ts';

export interface ModelPayload {
  readonly weights: Float32Array;
  /** SCAFFOLD's c. */
  readonly serverControl?: Float32Array;
}

export function encodeModel(weights: Float32Array, serverControl?: Float32Array): Uint8Array {
  const head = weightsToBytes(weights);
  if (!serverControl) return head;
  const out = new Uint8Array(head.length + 4 * serverControl.length);
  out.set(head);
  out.set(weightsToBytes(serverControl), head.length);
  return out;
}

type ModelPlan = Pick<Plan, 'parameterCount'> & { readonly federation: Pick<Plan['federation'], 'strategy'> };

/** Undefined when the bytes are not as many as the plan says. */
export function decodeModel(bytes: Uint8Array, plan: ModelPlan): ModelPayload | undefined {
  const vectors = vectorCountOf(plan.federation.strategy);
  const end = 4 * plan.parameterCount;
  if (bytes.byteLength !== vectors * end) return undefined;
  const weights = weightsFromBytes(bytes.subarray(0, end));
  return vectors === 1 ? { weights } : { weights, serverControl: weightsFromBytes(bytes.subarray(end)) };
}
