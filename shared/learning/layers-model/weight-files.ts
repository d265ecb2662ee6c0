/**
 * Weights of a LayersModel: each group of the manifest is the concatenation of its files (`paths`), which holds its
 * tensors one after the other, little-endian.
 */
import { GraphError } from '../../errors.ts';
import { quoted } from '../graph/onnx-limits.ts';
import { sizeOf, weightsFromBytes } from '../weights.ts';
import type { LayersModelLimits } from './limits.ts';
import type { WeightEntry, WeightGroup } from './model-json.ts';

export interface WeightTensor {
  readonly name: string;
  readonly dims: readonly number[];
  readonly data: Float32Array;
}

const STORED_BYTES = { uint8: 1, uint16: 2, float16: 2 } as const;

const entryBytes = (entry: WeightEntry): number =>
  sizeOf(entry.shape) * (entry.quantization ? STORED_BYTES[entry.quantization.dtype] : 4);

/** Letters of any script, digits and harmless signs; no separator, drive, stream or scheme, and no hidden file. */
const FILE_NAME = /^[\p{L}\p{N}_][\p{L}\p{N}_ .()+=@,-]{0,199}$/u;

/**
 * The files that hold the weights, each once: plain names of files beside model.json.
 * @throws GraphError for a path that could lead elsewhere, and beyond the limits
 */
export function shardPaths(groups: readonly WeightGroup[], limits: LayersModelLimits): readonly string[] {
  const paths = groups.flatMap((group) => group.paths);
  if (paths.length > limits.shards)
    throw new GraphError(
      `The manifest lists ${String(paths.length)} files; ${String(limits.shards)} are allowed.`,
    );
  for (const path of paths)
    if (!FILE_NAME.test(path) || path.endsWith('.') || path.endsWith(' '))
      throw new GraphError(
        `The weights file ${quoted(path)} must be the plain name of a file beside model.json.`,
      );
  if (new Set(paths).size !== paths.length) throw new GraphError('The manifest lists a file twice.');
  return paths;
}

/**
 * Bytes that the files of each group must have together.
 * @throws GraphError for an element type that is not supported, names that appear twice, and beyond the limits
 */
export function groupSizes(groups: readonly WeightGroup[], limits: LayersModelLimits): readonly number[] {
  const entries = groups.flatMap((group) => group.weights);
  if (entries.length > limits.weights)
    throw new GraphError(
      `The manifest lists ${String(entries.length)} weights; ${String(limits.weights)} are allowed.`,
    );
  const total = entries.reduce((sum, entry) => sum + sizeOf(entry.shape) * 4, 0);
  if (!(total <= limits.weightBytes))
    throw new GraphError(
      `The weights need ${String(total)} bytes; ${String(limits.weightBytes)} are allowed.`,
    );
  for (const { name, dtype } of entries)
    if (dtype !== 'float32')
      throw new GraphError(
        `The weight ${quoted(name)} has the type ${quoted(dtype)}; only float32 is supported.`,
      );
  if (new Set(entries.map(({ name }) => name)).size !== entries.length)
    throw new GraphError('The manifest lists a weight twice.');
  return groups.map((group) => group.weights.reduce((sum, entry) => sum + entryBytes(entry), 0));
}

/** IEEE 754 half precision. */
function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

function decode(entry: WeightEntry, bytes: Uint8Array): Float32Array {
  const { quantization } = entry;
  if (quantization === undefined) return weightsFromBytes(bytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = sizeOf(entry.shape);
  switch (quantization.dtype) {
    case 'float16':
      return Float32Array.from({ length }, (_, i) => halfToNumber(view.getUint16(2 * i, true)));
    case 'uint16':
      return Float32Array.from(
        { length },
        (_, i) => view.getUint16(2 * i, true) * quantization.scale + quantization.min,
      );
    case 'uint8':
      return Float32Array.from({ length }, (_, i) => (bytes[i] ?? 0) * quantization.scale + quantization.min);
  }
}

function decodeGroup(group: WeightGroup, bytes: Uint8Array): readonly WeightTensor[] {
  let offset = 0;
  return group.weights.map((entry) => {
    const end = offset + entryBytes(entry);
    const data = decode(entry, bytes.subarray(offset, end));
    offset = end;
    if (!data.every(Number.isFinite))
      throw new GraphError(`The weight ${quoted(entry.name)} holds a value that is not finite.`);
    return { name: entry.name, dims: entry.shape, data };
  });
}

/**
 * Every weight of the manifest.
 * @param files contents by the names of `shardPaths`
 * @throws GraphError when a file is missing, the sizes contradict the manifest, or a value is not finite
 */
export function readWeights(
  groups: readonly WeightGroup[],
  files: ReadonlyMap<string, Uint8Array>,
  limits: LayersModelLimits,
): readonly WeightTensor[] {
  shardPaths(groups, limits);
  const sizes = groupSizes(groups, limits);
  return groups.flatMap((group, index) => {
    const parts = group.paths.map((path) => {
      const bytes = files.get(path);
      if (bytes === undefined) throw new GraphError(`The weights file ${quoted(path)} is missing.`);
      return bytes;
    });
    const given = parts.reduce((sum, part) => sum + part.length, 0);
    if (given !== sizes[index])
      throw new GraphError(
        `The weights files ${group.paths.map(quoted).join(', ').slice(0, 300)} hold ${String(given)} bytes; the manifest needs ${String(sizes[index])}.`,
      );
    return decodeGroup(group, Buffer.concat(parts));
  });
}
