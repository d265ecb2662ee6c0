import { modelHashSchema, type ModelHash } from '../ids.ts';
import { sha512Hex } from '../crypto/hash.ts';
import { vectorBytes } from './model-payload.ts';

/**
 * The name of what a round starts from: the digest of the bytes that sites get, which are the global weights and, for
 * SCAFFOLD, the server's control variate behind them. A site that is sent another one of either refuses.
 */
export function modelHashOf(weights: Float32Array, serverControl?: Float32Array): ModelHash {
  return modelHashSchema.parse(sha512Hex(...vectorBytes(weights, serverControl)));
}
