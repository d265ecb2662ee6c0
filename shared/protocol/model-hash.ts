import { modelHashSchema, type ModelHash } from '../ids.ts';
import { weightsDigest } from '../learning/weights.ts';

/** The name of a global model: the digest of its weights. */
export function modelHashOf(weights: Float32Array): ModelHash {
  return modelHashSchema.parse(weightsDigest(weights));
}
