/**
 * Tensors of a foreign file as constants: every element type that exporters write, in the file or beside it. Floating
 * point becomes float32, integers and booleans become numbers.
 */
import { GraphError } from '../../errors.ts';
import { quoted, type OnnxLimits } from '../graph/onnx-limits.ts';
import { DATA_TYPE, DATA_TYPE_NAMES, type TensorMessage } from '../graph/onnx-schema.ts';
import type { DType } from '../graph/types.ts';
import { weightsFromBytes } from '../weights.ts';
import { constantOf, type Constant } from './constant.ts';

/** Reads part of a file that lies beside the model; `length` is what the tensor's shape needs. */
export type ExternalData = (location: string, offset: number, length: number) => Uint8Array;

/** One element type: its size, its kind here, how its raw bytes are read and which field may hold it instead. */
interface ElementType {
  readonly bytes: number;
  readonly dtype: DType;
  read(view: DataView, offset: number): number;
  typed(tensor: TensorMessage): readonly number[];
}

/** Slices that run "to the end" end at 2^63 − 1; no axis is that long, so the nearest exact number means the same. */
const saturated = (value: bigint): number =>
  Number(
    value > Number.MAX_SAFE_INTEGER
      ? Number.MAX_SAFE_INTEGER
      : value < -Number.MAX_SAFE_INTEGER
        ? -Number.MAX_SAFE_INTEGER
        : value,
  );

/** IEEE 754-2008, §3.6, binary16. */
function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** The upper half of a float32. */
function fromBrain(bits: number): number {
  const view = new DataView(new ArrayBuffer(4));
  view.setUint16(0, bits);
  return view.getFloat32(0);
}

const int32Field = (tensor: TensorMessage): readonly number[] => tensor.int32Data;

/** By TensorProto.DataType (onnx.proto). */
const ELEMENT_TYPES: ReadonlyMap<number, ElementType> = new Map<number, ElementType>([
  [1, { bytes: 4, dtype: 'float32', read: (v, at) => v.getFloat32(at, true), typed: (t) => t.floatData }],
  [2, { bytes: 1, dtype: 'int64', read: (v, at) => v.getUint8(at), typed: int32Field }],
  [3, { bytes: 1, dtype: 'int64', read: (v, at) => v.getInt8(at), typed: int32Field }],
  [4, { bytes: 2, dtype: 'int64', read: (v, at) => v.getUint16(at, true), typed: int32Field }],
  [5, { bytes: 2, dtype: 'int64', read: (v, at) => v.getInt16(at, true), typed: int32Field }],
  [6, { bytes: 4, dtype: 'int64', read: (v, at) => v.getInt32(at, true), typed: int32Field }],
  [
    7,
    {
      bytes: 8,
      dtype: 'int64',
      read: (v, at) => saturated(v.getBigInt64(at, true)),
      typed: (t) => t.int64Data,
    },
  ],
  [9, { bytes: 1, dtype: 'bool', read: (v, at) => Math.sign(v.getUint8(at)), typed: int32Field }],
  [
    10,
    {
      ...{ bytes: 2, dtype: 'float32', read: (v, at) => fromHalf(v.getUint16(at, true)) },
      typed: (t) => t.int32Data.map(fromHalf),
    },
  ],
  [11, { bytes: 8, dtype: 'float32', read: (v, at) => v.getFloat64(at, true), typed: (t) => t.doubleData }],
  [
    16,
    {
      ...{ bytes: 2, dtype: 'float32', read: (v, at) => fromBrain(v.getUint16(at, true)) },
      typed: (t) => t.int32Data.map(fromBrain),
    },
  ],
]);

/** @throws GraphError for an element type that is not read. */
export function elementType(dataType: number, what: string): ElementType {
  const type = ELEMENT_TYPES.get(dataType);
  if (type === undefined) {
    const name = DATA_TYPE_NAMES.get(dataType) ?? `number ${String(dataType)}`;
    throw new GraphError(
      `${what} has the element type ${name}, which is not supported; convert it to float32.`,
    );
  }
  return type;
}

/** Number of elements. @throws GraphError for a negative size or more than `most`. */
function countOf(dims: readonly number[], most: number, what: string): number {
  let count = 1;
  for (const dim of dims) {
    if (dim < 0) throw new GraphError(`${what} has the negative size ${String(dim)}.`);
    // Compared at every step, so that the product stays exact.
    count *= dim;
    if (count > most) throw new GraphError(`${what} has more than ${String(most)} elements.`);
  }
  return count;
}

/** A decimal number of the external data's description. */
function decimal(tensor: TensorMessage, key: string, what: string): number | undefined {
  const text = tensor.externalData.get(key);
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!/^\d{1,15}$/.test(text) || !Number.isSafeInteger(value))
    throw new GraphError(`${what}: the ${key} of its external data is ${quoted(text)}, not a number.`);
  return value;
}

function externalBytes(tensor: TensorMessage, needed: number, read: ExternalData | undefined): Uint8Array {
  const what = `Tensor ${quoted(tensor.name)}`;
  const location = tensor.externalData.get('location');
  if (location === undefined)
    throw new GraphError(`${what} keeps its values in another file and does not say which.`);
  if (read === undefined)
    throw new GraphError(
      `${what} keeps its values in the file ${quoted(location)}, which was not given; save the model as a single file.`,
    );
  const length = decimal(tensor, 'length', what) ?? needed;
  if (length !== needed)
    throw new GraphError(
      `${what} needs ${String(needed)} bytes for its shape; its external data has ${String(length)}.`,
    );
  const bytes = read(location, decimal(tensor, 'offset', what) ?? 0, needed);
  if (bytes.length !== needed)
    throw new GraphError(`${what}: the file ${quoted(location)} is too short for its values.`);
  return bytes;
}

function rawBytes(
  tensor: TensorMessage,
  needed: number,
  read: ExternalData | undefined,
): Uint8Array | undefined {
  if (tensor.external) return externalBytes(tensor, needed, read);
  const { rawData } = tensor;
  if (rawData !== undefined && rawData.length !== needed)
    throw new GraphError(
      `Tensor ${quoted(tensor.name)} needs ${String(needed)} bytes for its shape and has ${String(rawData.length)}.`,
    );
  return rawData;
}

/**
 * @param takeBytes is told how many bytes the values have before they are read from another file
 * @throws GraphError when the values are missing, of a type that is not read, or do not fit the shape
 */
export function readTensor(
  tensor: TensorMessage,
  limits: OnnxLimits,
  external: ExternalData | undefined,
  takeBytes: (bytes: number) => void,
): Constant {
  const what = `Tensor ${quoted(tensor.name)}`;
  const type = elementType(tensor.dataType, what);
  const most = type.dtype === 'float32' ? limits.tensorElements : limits.integerElements;
  const count = countOf(tensor.dims, most, what);
  if (tensor.external) takeBytes(count * type.bytes);
  const raw = rawBytes(tensor, count * type.bytes, external);
  if (raw === undefined) {
    const values = type.typed(tensor);
    if (values.length !== count)
      throw new GraphError(
        `${what} needs ${String(count)} values for its shape and has ${String(values.length)}.`,
      );
    return constantOf(type.dtype, tensor.dims, values);
  }
  // Nearly all bytes of a model are of this type: a copy instead of a call for each value.
  if (tensor.dataType === DATA_TYPE.float32)
    return { dtype: 'float32', dims: tensor.dims, data: weightsFromBytes(raw) };
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  const data = type.dtype === 'float32' ? new Float32Array(count) : Array<number>(count).fill(0);
  for (let i = 0; i < count; i++) data[i] = type.read(view, i * type.bytes);
  return constantOf(type.dtype, tensor.dims, data);
}
