/**
 * The plaintext of a sealed update: example count (uint32) ‖ mean training loss (float32) ‖ delta (float32 per
 * parameter) ‖ for SCAFFOLD the change of the control variate (float32 per parameter), little-endian. Count and loss are inside the box because they tell something about the site.
 */
import { SEAL_OVERHEAD_BYTES } from '../crypto/sealed-box.ts';
import { InvariantError } from '../errors.ts';
import { encodeModel } from './model-payload.ts';

const HEADER_BYTES = 8;

export interface UpdatePayload {
  /** Examples that the site trained on, 1…2³²−1. */
  readonly exampleCount: number;
  readonly meanLoss: number;
  /** Local weights minus global weights, in the layout of the weights. */
  readonly delta: Float32Array;
  /** SCAFFOLD: the change of the site's control variate, as long as `delta`. */
  readonly controlDelta?: Float32Array;
}

/** `vectorCountOf` the plan's strategy. */
type VectorCount = 1 | 2;

/** Length of a sealed update on the wire. */
export function sealedUpdateBytes(parameterCount: number, vectorCount: VectorCount = 1): number {
  return SEAL_OVERHEAD_BYTES + HEADER_BYTES + 4 * parameterCount * vectorCount;
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
  const vectors = encodeModel(update.delta, update.controlDelta);
  const out = new Uint8Array(HEADER_BYTES + vectors.length);
  const view = new DataView(out.buffer);
  view.setUint32(0, exampleCount, true);
  view.setFloat32(4, update.meanLoss, true);
  out.set(vectors, HEADER_BYTES);
  return out;
}

export type DecodedUpdate =
  | { readonly ok: true; readonly update: UpdatePayload }
  | { readonly ok: false; readonly reason: 'wrong-shape' | 'non-finite' };

/** Checks length, count and finiteness of untrusted bytes. */
export function decodeUpdate(
  bytes: Uint8Array,
  parameterCount: number,
  vectorCount: VectorCount = 1,
): DecodedUpdate {
  const vectorBytes = 4 * parameterCount;
  if (bytes.length !== HEADER_BYTES + vectorCount * vectorBytes) return { ok: false, reason: 'wrong-shape' };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const exampleCount = view.getUint32(0, true);
  const meanLoss = view.getFloat32(4, true);
  if (exampleCount === 0) return { ok: false, reason: 'wrong-shape' };
  const delta = readVector(view, HEADER_BYTES, parameterCount);
  const controlDelta =
    vectorCount === 2 ? readVector(view, HEADER_BYTES + vectorBytes, parameterCount) : undefined;
  const isFinite =
    Number.isFinite(meanLoss) && allFinite(delta) && (!controlDelta || allFinite(controlDelta));
  if (!isFinite) return { ok: false, reason: 'non-finite' };
  return { ok: true, update: { exampleCount, meanLoss, delta, ...(controlDelta && { controlDelta }) } };
}

function readVector(view: DataView, byteOffset: number, length: number): Float32Array {
  const vector = new Float32Array(length);
  for (let i = 0; i < length; i++) vector[i] = view.getFloat32(byteOffset + 4 * i, true);
  return vector;
}

/** 0·x is 0 for every finite x and NaN otherwise: one comparison at the end instead of one a value. */
function allFinite(vector: Float32Array): boolean {
  let probe = 0;
  for (const value of vector) probe += 0 * value;
  return probe === 0;
}
