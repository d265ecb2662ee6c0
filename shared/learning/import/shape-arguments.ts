/** What the operators that only rearrange values say about dimensions (ONNX Reshape-21, Squeeze-21, Unsqueeze-21, Cast-21). */
import { GraphError } from '../../errors.ts';
import { describeNode, intOf } from '../graph/attributes.ts';
import { normalizeAxis, showDims } from '../graph/shapes.ts';
import type { DType, Node } from '../graph/types.ts';
import { sizeOf } from '../weights.ts';
import { elementType } from './tensor-values.ts';

/** More than any model has; what follows is done for each pair of them. */
const MOST_DIMENSIONS = 32;

/** 0 keeps a size, −1 takes what is left. @throws GraphError when the number of elements changes */
export function reshapedDims(
  node: Node,
  from: readonly number[],
  shape: readonly number[],
): readonly number[] {
  if (shape.length > MOST_DIMENSIONS)
    throw new GraphError(`${describeNode(node)} makes a value of ${String(shape.length)} dimensions.`);
  const keepZero = intOf(node, 'allowzero', 0) === 1;
  const kept = shape.map((size, axis) => (size === 0 && !keepZero ? (from[axis] ?? 0) : size));
  const rest = sizeOf(from) / sizeOf(kept.filter((size) => size !== -1));
  const dims = kept.map((size) => (size === -1 ? rest : size));
  const open = kept.filter((size) => size === -1).length;
  if (open > 1 || sizeOf(dims) !== sizeOf(from) || dims.some((size) => !Number.isInteger(size) || size < 0))
    throw new GraphError(`${describeNode(node)} cannot make ${showDims(shape)} of ${showDims(from)}.`);
  return dims;
}

/** Without the given axes of size 1; without all such axes where none are given. */
export function squeezedDims(
  node: Node,
  from: readonly number[],
  axes: readonly number[] | undefined,
): readonly number[] {
  const gone = new Set(
    axes === undefined
      ? from.flatMap((size, axis) => (size === 1 ? [axis] : []))
      : axes.map((axis) => normalizeAxis(axis, from.length, node)),
  );
  for (const axis of gone)
    if (from[axis] !== 1)
      throw new GraphError(`${describeNode(node)} cannot drop axis ${String(axis)} of ${showDims(from)}.`);
  return from.filter((_, axis) => !gone.has(axis));
}

/** With axes of size 1 at the given places of the result. */
export function unsqueezedDims(
  node: Node,
  from: readonly number[],
  axes: readonly number[],
): readonly number[] {
  const rank = from.length + axes.length;
  const added = new Set(axes.map((axis) => normalizeAxis(axis, rank, node)));
  if (added.size !== axes.length) throw new GraphError(`${describeNode(node)} names an axis twice.`);
  let next = 0;
  return Array.from({ length: rank }, (_, axis) => (added.has(axis) ? 1 : (from[next++] ?? 1)));
}

/** The type that a Cast node makes. */
export const castTarget = (node: Node): DType => elementType(intOf(node, 'to', 0), describeNode(node)).dtype;
