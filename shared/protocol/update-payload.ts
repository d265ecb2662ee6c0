/**
 * The plaintext of a sealed update: example count (uint32) ‖ mean training loss (float32) ‖ delta (float32 per
 * parameter), little-endian. Count and loss are inside the box because they tell something about the site.
 */
import { SEAL_OVERHEAD_BYTES } from '../crypto/sealed-box.ts';
import { InvariantError } from '../errors.ts';
import { weightsToBytes } from '../learning/weights.ts';

const HEADER_BYTES = 8;

export interface UpdatePayload {
  /** Examples that the site trained on, 1…2³²−1. */
  readonly exampleCount: number;
  readonly meanLoss: number;
  /** Local weights minus global weights, in the layout of the weights. */
  readonly delta: Float32Array;
}

/** Length of a sealed update on the wire. */
export function sealedUpdateBytes(parameterCount: number): number {
  return SEAL_OVERHEAD_BYTES + HEADER_BYTES + 4 * parameterCount;
}

/** Length of a global model on the wire. */
export function modelBytes(parameterCount: number): number {
  return 4 * parameterCount;
}

/** @throws InvariantError when the count does not fit. */
export function encodeUpdate(update: UpdatePayload): Uint8Array {
  const { exampleCount } = update;
  if (!Number.isInteger(exampleCount) || exampleCount < 1 || exampleCount > 0xffff_ffff)
    throw new InvariantError(`an update counts 1 to 2³²−1 examples, not ${String(exampleCount)}`);
  const out = new Uint8Array(HEADER_BYTES + 4 * update.delta.length);
  const view = new DataView(out.buffer);
  view.setUint32(0, exampleCount, true);
  view.setFloat32(4, update.meanLoss, true);
  out.set(weightsToBytes(update.delta), HEADER_BYTES);
  return out;
}

export type DecodedUpdate =
  | { readonly ok: true; readonly update: UpdatePayload }
  | { readonly ok: false; readonly reason: 'wrong-shape' | 'non-finite' };

/** Checks length, count and finiteness of untrusted bytes. */
export function decodeUpdate(bytes: Uint8Array, parameterCount: number): DecodedUpdate {
  if (bytes.length !== HEADER_BYTES + 4 * parameterCount) return { ok: false, reason: 'wrong-shape' };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const exampleCount = view.getUint32(0, true);
  const meanLoss = view.getFloat32(4, true);
  if (exampleCount === 0) return { ok: false, reason: 'wrong-shape' };
  const delta = new Float32Array(parameterCount);
  // 0·x is 0 for every finite x and NaN otherwise: one comparison at the end instead of one a value.
  let probe = 0 * meanLoss;
  for (let i = 0; i < parameterCount; i++) {
    const value = view.getFloat32(HEADER_BYTES + 4 * i, true);
    delta[i] = value;
    probe += 0 * value;
  }
  if (probe !== 0) return { ok: false, reason: 'non-finite' };
  return { ok: true, update: { exampleCount, meanLoss, delta } };
}
