/** Import of operators that rearrange, cut, join and pad values. They become Reshape, Transpose, Slice, Concat and Pad. */
import { GraphError } from '../../../errors.ts';
import { describeNode, int, intOf, intsOf, textOf } from '../../graph/attributes.ts';
import { NOMINAL_BATCH } from '../../graph/builder.ts';
import { normalizeAxis, showDims } from '../../graph/shapes.ts';
import { permutationOf } from '../../ops/transpose.ts';
import { sizeOf } from '../../weights.ts';
import { computed, constantOf, integers, known, originOf, type Constant, type Value } from '../constant.ts';
import { holdsBatch } from '../import-context.ts';
import type { ImportOperator, ImportRule, NodeView } from '../node-view.ts';
import { reshapedDims, squeezedDims, unsqueezedDims } from '../shape-arguments.ts';

/**
 * The dimensions that a Reshape of a file with a fixed batch size means for any batch. The batch stands where as many
 * values lie before it as before the batch of the input.
 */
function dimsForAnyBatch(
  view: NodeView,
  from: readonly number[],
  shape: readonly number[],
  batch: number,
): readonly number[] {
  const before = view.context.beforeBatch(view.tensor(0)) ?? 1;
  const fileDims = from.map((size) => (holdsBatch(size) ? (size / NOMINAL_BATCH) * batch : size));
  const dims = reshapedDims(view.node, fileDims, shape);
  const axis = dims.findIndex((size, a) => sizeOf(dims.slice(0, a)) === before && size % batch === 0);
  if (axis === -1)
    throw new GraphError(
      `${describeNode(view.node)} makes ${showDims(dims)} with a fixed batch of ${String(batch)}; ` +
        'export the model with an open (dynamic) batch size.',
    );
  return dims.map((size, a) => (a === axis ? (size / batch) * NOMINAL_BATCH : size));
}

const reshape: ImportRule = (view) => {
  const { context, node } = view;
  const shape = view.ints(1) ?? [];
  const from = view.dims(0);
  const { fileBatch } = context.options;
  const isFixed =
    fileBatch !== undefined && from.some(holdsBatch) && !shape.some(holdsBatch) && shape[0] !== 0;
  const dims = isFixed ? dimsForAnyBatch(view, from, shape, fileBatch) : reshapedDims(node, from, shape);
  return [computed(context.reshape(view.tensor(0), dims))];
};

const flatten: ImportRule = (view) => {
  const dims = view.dims(0);
  const axis = intOf(view.node, 'axis', 1);
  const split = axis < 0 ? axis + dims.length : axis;
  const target = [sizeOf(dims.slice(0, split)), sizeOf(dims.slice(split))];
  return [computed(view.context.reshape(view.tensor(0), target))];
};

const squeeze: ImportRule = (view) => {
  const dims = view.dims(0);
  const axes = view.opset < 13 ? intsOf(view.node, 'axes') : view.ints(1);
  return [computed(view.context.reshape(view.tensor(0), squeezedDims(view.node, dims, axes)))];
};

const unsqueeze: ImportRule = (view) => {
  const dims = view.dims(0);
  const axes = (view.opset < 13 ? intsOf(view.node, 'axes') : view.ints(1)) ?? [];
  return [computed(view.context.reshape(view.tensor(0), unsqueezedDims(view.node, dims, axes)))];
};

const transpose: ImportRule = (view) => [
  computed(view.context.transpose(view.tensor(0), permutationOf(view.node, view.dims(0).length))),
];

/** The first of the file's fixed number of examples, all of which must be the same. */
function firstExample(view: NodeView, constant: Constant): Constant {
  const dims = [1, ...constant.dims.slice(1)];
  const size = sizeOf(dims);
  const first = constant.data.slice(0, size);
  if (!Array.from(constant.data).every((value, index) => value === first[index % size]))
    throw new GraphError(`${describeNode(view.node)} joins a constant that differs between examples.`);
  return { ...constantOf(constant.dtype, dims, first), ...originOf(constant) };
}

/** In a file with a fixed batch size, what was made for so many examples is made for any number. */
function joinable(view: NodeView): readonly string[] {
  const { context, node } = view;
  const { fileBatch } = context.options;
  const values = node.inputs.map((_, index) => view.value(index));
  const leading = (value: Value): number => context.typeOf(value).dims[0] ?? 0;
  const hasBatch = values.some((value) => leading(value) === NOMINAL_BATCH);
  return values.map((value) => {
    if (!hasBatch || leading(value) !== fileBatch) return context.tensor(value);
    if (value.kind === 'constant')
      return context.repeatForBatch(context.tensor(known(firstExample(view, value.constant))));
    return context.repeatForBatch(context.slice(value.name, 0, 0, 1));
  });
}

const concat: ImportRule = (view) => {
  const { context, node } = view;
  const names = joinable(view);
  const [first] = names;
  if (first === undefined) throw new GraphError(`${describeNode(node)} has no input.`);
  const axis = normalizeAxis(intOf(node, 'axis', 0), context.build.typeOf(first).dims.length, node);
  for (const name of names) context.requireNoBatch(name, axis);
  return [computed(names.length === 1 ? first : context.emit('Concat', names, { axis: int(axis) }))];
};

const slice: ImportRule = (view) => {
  const { context, node } = view;
  const dims = view.dims(0);
  const starts = view.ints(1) ?? [];
  const ends = view.ints(2) ?? [];
  const axes = view.ints(3) ?? starts.map((_, axis) => axis);
  const steps = view.ints(4) ?? starts.map(() => 1);
  let name = view.tensor(0);
  starts.forEach((given, index) => {
    const axis = normalizeAxis(axes[index] ?? 0, dims.length, node);
    const size = dims[axis] ?? 0;
    const step = steps[index] ?? 1;
    if (step < 1) throw new GraphError(`${describeNode(node)} steps backwards, which is not supported.`);
    const inside = (value: number): number => Math.min(Math.max(value < 0 ? value + size : value, 0), size);
    const start = inside(given);
    const count = Math.ceil((inside(ends[index] ?? size) - start) / step);
    if (count < 1) throw new GraphError(`${describeNode(node)} takes nothing of ${showDims(dims)}.`);
    name = context.slice(name, axis, start, count, step);
  });
  return [computed(name)];
};

/** Positions beyond this many become a node each; models take one, or a range. */
const MOST_POSITIONS = 64;

/** One position, a range, or a few positions side by side. */
const gather: ImportRule = (view) => {
  const { context, node } = view;
  const dims = view.dims(0);
  const axis = normalizeAxis(intOf(node, 'axis', 0), dims.length, node);
  const size = dims[axis] ?? 0;
  const shape = view.dims(1);
  const positions = (view.ints(1) ?? []).map((at) => (at < 0 ? at + size : at));
  const [first = 0] = positions;
  if (positions.length === 0 || positions.some((at) => !Number.isInteger(at) || at < 0 || at >= size))
    throw new GraphError(`${describeNode(node)} takes a position outside ${showDims(dims)}.`);
  const step = positions.length > 1 ? (positions[1] ?? 0) - first : 1;
  const isRange = step > 0 && positions.every((at, index) => at === first + index * step);
  const name = view.tensor(0);
  if (!isRange && positions.length > MOST_POSITIONS)
    throw new GraphError(
      `${describeNode(node)} takes ${String(positions.length)} positions that are no range, which is not supported.`,
    );
  const taken = isRange
    ? context.slice(name, axis, first, positions.length, step)
    : context.emit(
        'Concat',
        positions.map((at) => context.slice(name, axis, at, 1)),
        { axis: int(axis) },
      );
  return [computed(context.reshape(taken, [...dims.slice(0, axis), ...shape, ...dims.slice(axis + 1)]))];
};

/** Sizes from an input (operator set 13), an attribute (before), or equal ones, the last of which may be smaller. */
function splitSizes(view: NodeView, size: number): readonly number[] {
  const given = view.opset < 13 ? intsOf(view.node, 'split') : view.ints(1);
  if (given !== undefined) return given;
  const parts = view.node.outputs.length;
  if (intOf(view.node, 'num_outputs', parts) !== parts)
    throw new GraphError(`"num_outputs" of ${describeNode(view.node)} is not the number of its outputs.`);
  const each = Math.ceil(size / parts);
  return Array.from({ length: parts }, (_, index) => Math.min(each, size - index * each));
}

const split: ImportRule = (view) => {
  const { context, node } = view;
  const dims = view.dims(0);
  const axis = normalizeAxis(intOf(node, 'axis', 0), dims.length, node);
  const sizes = splitSizes(view, dims[axis] ?? 0);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  if (sizes.length !== node.outputs.length || total !== dims[axis] || sizes.some((size) => !(size > 0)))
    throw new GraphError(`${describeNode(node)} cannot split ${showDims(dims)} into ${showDims(sizes)}.`);
  const name = view.tensor(0);
  let start = 0;
  return sizes.map((size) => {
    start += size;
    return computed(context.slice(name, axis, start - size, size));
  });
};

/** Sizes before and after every axis; since operator set 18 an input may name the axes that are meant. */
function padSizes(view: NodeView, rank: number): readonly number[] {
  const given = view.ints(1) ?? [];
  const axes = view.ints(3)?.map((axis) => normalizeAxis(axis, rank, view.node));
  if (axes === undefined) return given;
  const pads = Array<number>(2 * rank).fill(0);
  axes.forEach((axis, index) => {
    pads[axis] = given[index] ?? 0;
    pads[axis + rank] = given[index + axes.length] ?? 0;
  });
  return pads;
}

const pad: ImportRule = (view) => {
  const { context, node } = view;
  if (textOf(node, 'mode', 'constant') !== 'constant')
    throw new GraphError(`${describeNode(node)} does not pad with a constant, which is not supported.`);
  const dims = view.dims(0);
  const pads = padSizes(view, dims.length);
  const name = view.tensor(0);
  if (pads.every((size) => size === 0)) return [computed(name)];
  dims.forEach((_, axis) => {
    if (pads[axis] !== 0 || pads[axis + dims.length] !== 0) context.requireNoBatch(name, axis);
  });
  const value = context.build.scalar(view.number(2) ?? 0);
  return [computed(context.emit('Pad', [name, context.build.ints(pads), value]))];
};

/** Known already while the graph is read: image sizes are fixed. */
const shape: ImportRule = (view) => {
  const dims = view.dims(0);
  const within = (value: number): number =>
    Math.min(Math.max(value < 0 ? value + dims.length : value, 0), dims.length);
  const start = within(intOf(view.node, 'start', 0));
  const end = within(intOf(view.node, 'end', dims.length));
  const part = dims.slice(start, end);
  return [known(integers([part.length], part))];
};

const size: ImportRule = (view) => [known(integers([], [sizeOf(view.dims(0))]))];

/** Repeating along an axis is joining copies; along none it is nothing. */
const tile: ImportRule = (view) => {
  const { context, node } = view;
  const repeats = view.ints(1) ?? [];
  let name = view.tensor(0);
  repeats.forEach((count, axis) => {
    if (count === 1) return;
    if (count < 1 || count > MOST_POSITIONS)
      throw new GraphError(`${describeNode(node)} repeats ${String(count)} times, which is not supported.`);
    context.requireNoBatch(name, axis);
    name = context.emit('Concat', Array<string>(count).fill(name), { axis: int(axis) });
  });
  return [computed(name)];
};

export const LAYOUT: Readonly<Record<string, ImportOperator>> = {
  Reshape: { attributes: ['allowzero'], rule: reshape },
  Flatten: { attributes: ['axis'], rule: flatten },
  Squeeze: { attributes: ['axes'], rule: squeeze },
  Unsqueeze: { attributes: ['axes'], rule: unsqueeze },
  Transpose: { attributes: ['perm'], rule: transpose },
  Concat: { attributes: ['axis'], rule: concat },
  Slice: { attributes: [], rule: slice },
  Gather: { attributes: ['axis'], rule: gather },
  Split: { attributes: ['axis', 'split', 'num_outputs'], rule: split },
  Pad: { attributes: ['mode'], rule: pad },
  Shape: { attributes: ['start', 'end'], rule: shape },
  Size: { attributes: [], rule: size },
  Tile: { attributes: [], rule: tile },
};
