/**
 * Weights as one flat vector with a manifest. Outside `shared/learning` nothing else is known of a model.
 */
import { createHash } from 'node:crypto';
import { InvariantError } from '../errors.ts';
import { createRng, deriveSeed, type Rng } from '../rng.ts';
import type { Initializer, Model, Parameter, ParameterKind } from './graph/types.ts';

export interface ManifestEntry {
  readonly name: string;
  readonly dims: readonly number[];
  /** First value in the flat vector. */
  readonly offset: number;
  /** Number of values. */
  readonly length: number;
  readonly trainable: boolean;
  /** See `Parameter.frozen`; absent where it is not. */
  readonly frozen?: boolean;
  /** See `Parameter.learningRateFactor`; absent where it is 1. */
  readonly learningRateFactor?: number;
  readonly kind: ParameterKind;
}

export interface Manifest {
  readonly entries: readonly ManifestEntry[];
  /** Number of values of the flat vector: the entries one after the other, without gaps. */
  readonly length: number;
}

export const sizeOf = (dims: readonly number[]): number => dims.reduce((a, b) => a * b, 1);

/** The layout of a model's flat vector: its parameters in their order. */
export function manifestOf(model: Pick<Model, 'parameters'>): Manifest {
  let offset = 0;
  const entries = model.parameters.map((p: Parameter): ManifestEntry => {
    const length = sizeOf(p.dims);
    const { name, dims, trainable, kind, frozen, learningRateFactor } = p;
    const entry: ManifestEntry = {
      ...{ name, dims, offset, length, trainable, kind },
      ...(frozen === true && { frozen }),
      ...(learningRateFactor !== undefined && learningRateFactor !== 1 && { learningRateFactor }),
    };
    offset += length;
    return entry;
  });
  return { entries, length: offset };
}

function fill(out: Float32Array, initializer: Initializer, rng: Rng): void {
  switch (initializer.kind) {
    case 'zeros':
      out.fill(0);
      return;
    case 'ones':
      out.fill(1);
      return;
    case 'he': {
      const stdDev = Math.sqrt(2 / initializer.fanIn);
      for (let i = 0; i < out.length; i++) out[i] = rng.normal() * stdDev;
      return;
    }
    case 'glorot': {
      const limit = Math.sqrt(6 / (initializer.fanIn + initializer.fanOut));
      for (let i = 0; i < out.length; i++) out[i] = (2 * rng.uniform() - 1) * limit;
      return;
    }
    case 'given':
      if (initializer.values.length !== out.length)
        throw new InvariantError('given values do not fit the parameter');
      out.set(initializer.values);
      return;
  }
}

/** Seeded initial weights; each parameter has its own stream, so that adding one leaves the others unchanged. */
export function initialWeights(model: Pick<Model, 'parameters'>, seed: number): Float32Array {
  const manifest = manifestOf(model);
  const weights = new Float32Array(manifest.length);
  model.parameters.forEach((parameter, index) => {
    const entry = manifest.entries[index];
    if (!entry) throw new InvariantError('manifest and parameters differ');
    const rng = createRng(deriveSeed('initial-weights', seed, parameter.name));
    fill(weights.subarray(entry.offset, entry.offset + entry.length), parameter.initializer, rng);
  });
  return weights;
}

/** Where memory holds float32 values as the canonical form does, bytes are copied instead of converted. */
const IS_LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** The flat vector as little-endian float32 bytes: the canonical form that is hashed, stored and sent. */
export function weightsToBytes(weights: Float32Array): Uint8Array {
  if (IS_LITTLE_ENDIAN)
    return new Uint8Array(new Uint8Array(weights.buffer, weights.byteOffset, weights.byteLength));
  const bytes = new Uint8Array(weights.length * 4);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < weights.length; i++) view.setFloat32(i * 4, weights[i] ?? 0, true);
  return bytes;
}

/** Inverse of `weightsToBytes`. @throws InvariantError when the byte length is no multiple of 4. */
export function weightsFromBytes(bytes: Uint8Array): Float32Array {
  if (bytes.byteLength % 4 !== 0) throw new InvariantError('weights have a whole number of float32 values');
  const weights = new Float32Array(bytes.byteLength / 4);
  if (IS_LITTLE_ENDIAN) {
    new Uint8Array(weights.buffer).set(bytes);
    return weights;
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let i = 0; i < weights.length; i++) weights[i] = view.getFloat32(i * 4, true);
  return weights;
}

/** The same without a copy where memory is laid out so; whoever has either of the two must not write to it. */
export function weightsBytesView(weights: Float32Array): Uint8Array {
  if (!IS_LITTLE_ENDIAN) return weightsToBytes(weights);
  return new Uint8Array(weights.buffer, weights.byteOffset, weights.byteLength);
}

/** Inverse of `weightsBytesView`, as `weightsFromBytes` otherwise. */
export function weightsView(bytes: Uint8Array): Float32Array {
  const isAligned = bytes.byteOffset % 4 === 0 && bytes.byteLength % 4 === 0;
  if (!IS_LITTLE_ENDIAN || !isAligned) return weightsFromBytes(bytes);
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
}

/** SHA-512 of the canonical bytes, 128 hexadecimal digits. */
export function weightsDigest(weights: Float32Array): string {
  return createHash('sha512').update(weightsBytesView(weights)).digest('hex');
}
