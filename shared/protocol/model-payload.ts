/** The payload of a request to train: weights ‖ the server's control variate where the strategy has one, float32 little-endian. */
import { weightsBytesView, weightsToBytes, weightsView } from '../learning/weights.ts';
import { concatBytes } from '../crypto/bytes.ts';
import { vectorLengthOf, type VectorPlan } from './initial-model.ts';
import type { Plan } from './plan.ts';
import { vectorCountOf } from './strategy.ts';

export interface ModelPayload {
  readonly weights: Float32Array;
  /** SCAFFOLD's c. */
  readonly serverControl?: Float32Array;
}

export function encodeModel(weights: Float32Array, serverControl?: Float32Array): Uint8Array {
  if (!serverControl) return weightsToBytes(weights);
  return concatBytes(...vectorBytes(weights, serverControl));
}

/** The parts of the payload, one after the other. Views: not to be written to. */
export function vectorBytes(weights: Float32Array, second?: Float32Array): readonly Uint8Array[] {
  return second ? [weightsBytesView(weights), weightsBytesView(second)] : [weightsBytesView(weights)];
}

type ModelPlan = VectorPlan & { readonly federation: Pick<Plan['federation'], 'strategy'> };

/** Length of a round's model on the wire. */
export function modelBytesOf(plan: ModelPlan, round: number): number {
  return 4 * vectorLengthOf(plan, round) * vectorCountOf(plan.federation.strategy);
}

/** Views of the bytes. Undefined when they are not as many as the plan says for the round. */
export function decodeModel(bytes: Uint8Array, plan: ModelPlan, round: number): ModelPayload | undefined {
  const vectors = vectorCountOf(plan.federation.strategy);
  const end = 4 * vectorLengthOf(plan, round);
  if (bytes.byteLength !== vectors * end) return undefined;
  const weights = weightsView(bytes.subarray(0, end));
  return vectors === 1 ? { weights } : { weights, serverControl: weightsView(bytes.subarray(end)) };
}
