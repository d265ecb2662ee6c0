/** Arithmetic on static shapes. */
import { GraphError } from '../../errors.ts';
import { describeNode, intOf, intsOf, textOf } from './attributes.ts';
import type { Node, TensorType } from './types.ts';

export const float32 = (dims: readonly number[]): TensorType => ({ dtype: 'float32', dims });

export const sameDims = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((size, axis) => size === b[axis]);

export const showDims = (dims: readonly (number | string)[]): string => `[${dims.join(', ')}]`;

/** An axis in 0…rank−1 from one that may count from the end. @throws GraphError outside the rank. */
export function normalizeAxis(axis: number, rank: number, node: Node): number {
  const result = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(result) || result < 0 || result >= Math.max(rank, 1)) {
    throw new GraphError(`Axis ${String(axis)} of ${describeNode(node)} is outside rank ${String(rank)}.`);
  }
  return result;
}

/** Numpy-style broadcast of two shapes (ONNX "Broadcasting"). @throws GraphError when they do not fit. */
export function broadcastDims(a: readonly number[], b: readonly number[], node: Node): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, axis) => {
    const x = a[axis - rank + a.length] ?? 1;
    const y = b[axis - rank + b.length] ?? 1;
    if (x !== y && x !== 1 && y !== 1) {
      throw new GraphError(`${describeNode(node)} cannot broadcast ${showDims(a)} with ${showDims(b)}.`);
    }
    return x === 1 ? y : x;
  });
}

/** Sliding window over height and width, as Conv and the pooling operators describe it. */
export interface Window {
  readonly kernel: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly dilations: readonly [number, number];
  /** top, left, bottom, right */
  readonly pads: readonly [number, number, number, number];
}

function pair(node: Node, name: string, values: readonly number[] | undefined): [number, number] {
  const [a, b] = values ?? [1, 1];
  if (a === undefined || b === undefined || (values && values.length !== 2) || a < 1 || b < 1) {
    throw new GraphError(
      `"${name}" of ${describeNode(node)} must be two positive numbers (2-D images only).`,
    );
  }
  return [a, b];
}

function samePads(
  size: number,
  kernel: number,
  stride: number,
  dilation: number,
  upper: boolean,
): [number, number] {
  const total = Math.max((Math.ceil(size / stride) - 1) * stride + (kernel - 1) * dilation + 1 - size, 0);
  const small = Math.floor(total / 2);
  return upper ? [small, total - small] : [total - small, small];
}

function padsOf(
  node: Node,
  input: readonly number[],
  w: Omit<Window, 'pads'>,
): [number, number, number, number] {
  const auto = textOf(node, 'auto_pad', 'NOTSET');
  if (auto === 'VALID') return [0, 0, 0, 0];
  if (auto === 'SAME_UPPER' || auto === 'SAME_LOWER') {
    const upper = auto === 'SAME_UPPER';
    const [top, bottom] = samePads(input[2] ?? 0, w.kernel[0], w.strides[0], w.dilations[0], upper);
    const [left, right] = samePads(input[3] ?? 0, w.kernel[1], w.strides[1], w.dilations[1], upper);
    return [top, left, bottom, right];
  }
  const pads = intsOf(node, 'pads') ?? [0, 0, 0, 0];
  const [top, left, bottom, right] = pads;
  if (
    top === undefined ||
    left === undefined ||
    bottom === undefined ||
    right === undefined ||
    pads.length !== 4 ||
    pads.some((p) => p < 0)
  ) {
    throw new GraphError(`"pads" of ${describeNode(node)} must be four numbers that are not negative.`);
  }
  return [top, left, bottom, right];
}

/** The window of a Conv or pooling node; `kernel` overrides the attribute (Conv takes it from its weights). */
export function windowOf(node: Node, input: readonly number[], kernel?: readonly number[]): Window {
  const shape = {
    kernel: pair(node, 'kernel_shape', kernel ?? intsOf(node, 'kernel_shape')),
    strides: pair(node, 'strides', intsOf(node, 'strides')),
    dilations: pair(node, 'dilations', intsOf(node, 'dilations')),
  };
  return { ...shape, pads: padsOf(node, input, shape) };
}

/** Output height and width of a window over [N, C, H, W]. @throws GraphError when the window does not fit. */
export function windowOutput(node: Node, input: readonly number[], w: Window): [number, number] {
  if (intOf(node, 'ceil_mode', 0) !== 0) {
    throw new GraphError(`${describeNode(node)} uses ceil_mode, which is not supported.`);
  }
  const along = (axis: 0 | 1): number => {
    const size = (input[2 + axis] ?? 0) + w.pads[axis] + (axis === 0 ? w.pads[2] : w.pads[3]);
    return Math.floor((size - (w.kernel[axis] - 1) * w.dilations[axis] - 1) / w.strides[axis]) + 1;
  };
  const [height, width] = [along(0), along(1)];
  if (height < 1 || width < 1) {
    throw new GraphError(`The window of ${describeNode(node)} is larger than its input ${showDims(input)}.`);
  }
  return [height, width];
}

/** @throws GraphError unless the type is float32 of the given rank. */
export function requireRank(node: Node, type: TensorType, rank: number): readonly number[] {
  if (type.dtype !== 'float32' || type.dims.length !== rank) {
    throw new GraphError(
      `${describeNode(node)} needs a float32 tensor of rank ${String(rank)}, got ${type.dtype} ${showDims(type.dims)}.`,
    );
  }
  return type.dims;
}
