/** ONNX tensor messages and our tensors. Raw data is little-endian (onnx.proto, TensorProto.raw_data). */
import { GraphError } from '../../errors.ts';
import { weightsToBytes } from '../weights.ts';
import { quoted, type OnnxLimits } from './onnx-limits.ts';
import { DATA_TYPE, DATA_TYPE_NAMES, type TensorMessage } from './onnx-schema.ts';
import type { DType, Tensor } from './types.ts';

const showType = (dataType: number): string => DATA_TYPE_NAMES.get(dataType) ?? `number ${String(dataType)}`;

/** @throws GraphError for an element type that we do not compute with. `what` names the value. */
export function dtypeOf(dataType: number, what: string): DType {
  switch (dataType) {
    case DATA_TYPE.float32:
      return 'float32';
    case DATA_TYPE.int64:
      return 'int64';
    case DATA_TYPE.bool:
      return 'bool';
    default:
      throw new GraphError(
        `${what} has the element type ${showType(dataType)}; float32 is needed (convert the model first).`,
      );
  }
}

/** Number of elements. @throws GraphError for a negative size or more elements than allowed. */
function elementCount(tensor: TensorMessage, maxElements: number): number {
  let count = 1;
  for (const dim of tensor.dims) {
    if (dim < 0) throw new GraphError(`Tensor ${quoted(tensor.name)} has the negative size ${String(dim)}.`);
    // Compared at every step, so that the product stays exact.
    count *= dim;
    if (count > maxElements)
      throw new GraphError(`Tensor ${quoted(tensor.name)} has more than ${String(maxElements)} elements.`);
  }
  return count;
}

function rawView(tensor: TensorMessage, raw: Uint8Array, expectedBytes: number): DataView {
  if (raw.length !== expectedBytes)
    throw new GraphError(
      `Tensor ${quoted(tensor.name)} needs ${String(expectedBytes)} bytes for its shape and has ${String(raw.length)}.`,
    );
  return new DataView(raw.buffer, raw.byteOffset, raw.length);
}

function requireCount(tensor: TensorMessage, values: readonly number[], count: number): void {
  if (values.length !== count)
    throw new GraphError(
      `Tensor ${quoted(tensor.name)} needs ${String(count)} values for its shape and has ${String(values.length)}.`,
    );
}

function floatValues(tensor: TensorMessage, count: number): Float32Array {
  if (!tensor.rawData) {
    requireCount(tensor, tensor.floatData, count);
    return Float32Array.from(tensor.floatData);
  }
  const view = rawView(tensor, tensor.rawData, count * 4);
  const data = new Float32Array(count);
  for (let i = 0; i < count; i++) data[i] = view.getFloat32(i * 4, true);
  return data;
}

function int64Values(tensor: TensorMessage, count: number): readonly number[] {
  if (!tensor.rawData) {
    requireCount(tensor, tensor.int64Data, count);
    return tensor.int64Data;
  }
  const view = rawView(tensor, tensor.rawData, count * 8);
  return Array.from({ length: count }, (_, i) => {
    const value = Number(view.getBigInt64(i * 8, true));
    if (!Number.isSafeInteger(value))
      throw new GraphError(`Tensor ${quoted(tensor.name)} holds an integer outside ±(2^53 - 1).`);
    return value;
  });
}

/**
 * @throws GraphError when the values are elsewhere, of another type than float32 and int64, or do not fit the shape.
 */
export function tensorFromMessage(message: TensorMessage, limits: OnnxLimits): Tensor {
  const what = `Tensor ${quoted(message.name)}`;
  if (message.external)
    throw new GraphError(`${what} keeps its values in another file; save the model as a single file.`);
  const dtype = dtypeOf(message.dataType, what);
  if (dtype === 'bool') throw new GraphError(`${what} is a bool constant, which is not supported.`);
  const count = elementCount(message, dtype === 'int64' ? limits.integerElements : limits.tensorElements);
  const { dims } = message;
  return dtype === 'float32'
    ? { dtype, dims, data: floatValues(message, count) }
    : { dtype, dims, data: int64Values(message, count) };
}

function int64Bytes(values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(values.length * 8);
  const view = new DataView(bytes.buffer);
  values.forEach((value, i) => {
    view.setBigInt64(i * 8, BigInt(value), true);
  });
  return bytes;
}

export function tensorToMessage(name: string, tensor: Tensor): TensorMessage {
  return {
    name,
    dims: tensor.dims,
    dataType: DATA_TYPE[tensor.dtype],
    rawData: tensor.dtype === 'float32' ? weightsToBytes(tensor.data) : int64Bytes(tensor.data),
    floatData: [],
    int64Data: [],
    int32Data: [],
    doubleData: [],
    externalData: new Map(),
    external: false,
  };
}
