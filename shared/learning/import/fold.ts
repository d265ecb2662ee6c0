/**
 * Computes what is known before anything runs: shapes, and weights in another order. Exporters write the arithmetic of
 * shapes out as nodes (Shape → Gather → Concat → Reshape). Time and memory are bounded by a budget for the whole file.
 */
import { GraphError } from '../../errors.ts';
import { describeNode, intOf, intsOf, textOf } from '../graph/attributes.ts';
import { broadcastDims, normalizeAxis, sameDims } from '../graph/shapes.ts';
import type { DType, Node } from '../graph/types.ts';
import { permutationOf } from '../ops/transpose.ts';
import { sizeOf } from '../weights.ts';
import { constantOf, originOf, singleValue, type Constant } from './constant.ts';
import { holdsBatch } from './import-context.ts';
import { castTarget, reshapedDims, squeezedDims, unsqueezedDims } from './shape-arguments.ts';

/** What is left of the work that folding may do, in elements. */
export interface FoldBudget {
  /** @throws GraphError when less is left. */
  take(elements: number, node: Node): void;
}

/** Results of arithmetic: shapes are tiny, and so are the tables that exporters compute. */
const MOST_ELEMENTS = 65_536;

export function createFoldBudget(total: number): FoldBudget {
  let left = total;
  return {
    take(elements, node) {
      left -= elements;
      if (left < 0)
        throw new GraphError(`${describeNode(node)} and those before it compute too many constants.`);
    },
  };
}

type Inputs = readonly (Constant | undefined)[];
type Fold = (node: Node, inputs: Inputs, opset: number) => Constant | undefined;

function inputOf(node: Node, inputs: Inputs, index: number): Constant {
  const constant = inputs[index];
  if (constant === undefined)
    throw new GraphError(`Input ${String(index)} of ${describeNode(node)} is missing.`);
  return constant;
}

/** The same values in other dimensions; where they come from stays known. */
function withDims(constant: Constant, dims: readonly number[]): Constant {
  return { ...constant, dims };
}

function requireSmall(node: Node, elements: number): number {
  if (!(elements <= MOST_ELEMENTS))
    throw new GraphError(
      `${describeNode(node)} computes a constant of ${String(elements)} elements; ${String(MOST_ELEMENTS)} are allowed.`,
    );
  return elements;
}

/** Steps in the flat data of `dims` for each axis. */
function stridesOf(dims: readonly number[]): number[] {
  const strides = dims.map(() => 1);
  for (let axis = dims.length - 2; axis >= 0; axis--)
    strides[axis] = (strides[axis + 1] ?? 1) * (dims[axis + 1] ?? 1);
  return strides;
}

/**
 * For every element of `dims` its place in data that has the given step for each axis.
 * @throws GraphError when a side is no size
 */
function placesOf(dims: readonly number[], steps: readonly number[]): Int32Array {
  if (!dims.every((size) => Number.isSafeInteger(size) && size >= 0))
    throw new GraphError(`A constant would have the sides ${dims.join('×')}.`);
  const places = new Int32Array(sizeOf(dims));
  const index = dims.map(() => 0);
  let place = 0;
  for (let i = 0; i < places.length; i++) {
    places[i] = place;
    for (let axis = dims.length - 1; axis >= 0; axis--) {
      const next = (index[axis] ?? 0) + 1;
      place += steps[axis] ?? 0;
      if (next < (dims[axis] ?? 0)) {
        index[axis] = next;
        break;
      }
      index[axis] = 0;
      place -= next * (steps[axis] ?? 0);
    }
  }
  return places;
}

function gathered(constant: Constant, dims: readonly number[], places: Int32Array): Constant {
  const { data } = constant;
  const values =
    constant.dtype === 'float32' ? new Float32Array(places.length) : Array<number>(places.length);
  for (let i = 0; i < places.length; i++) values[i] = data[places[i] ?? 0] ?? 0;
  return { ...constantOf(constant.dtype, dims, values), ...originOf(constant) };
}

const broadcastSteps = (from: readonly number[], to: readonly number[]): number[] => {
  const strides = stridesOf(from);
  const lead = to.length - from.length;
  return to.map((_, axis) => (axis < lead || from[axis - lead] === 1 ? 0 : (strides[axis - lead] ?? 0)));
};

const isFloat = (...constants: readonly Constant[]): boolean => constants.some((c) => c.dtype === 'float32');

/** Element-wise with broadcasting; `dtype` of the result follows from the inputs unless given. */
const binary =
  (apply: (a: number, b: number, float: boolean) => number, dtype?: DType): Fold =>
  (node, inputs) => {
    const [a, b] = [inputOf(node, inputs, 0), inputOf(node, inputs, 1)];
    const dims = broadcastDims(a.dims, b.dims, node);
    requireSmall(node, sizeOf(dims));
    const [left, right] = [a, b].map((c) => placesOf(dims, broadcastSteps(c.dims, dims)));
    const float = isFloat(a, b);
    const values = Array.from({ length: sizeOf(dims) }, (_, i) =>
      apply(a.data[left?.[i] ?? 0] ?? 0, b.data[right?.[i] ?? 0] ?? 0, float),
    );
    return constantOf(dtype ?? (float ? 'float32' : 'int64'), dims, values);
  };

const unary =
  (apply: (value: number) => number): Fold =>
  (node, inputs) => {
    const x = inputOf(node, inputs, 0);
    requireSmall(node, x.data.length);
    return constantOf(x.dtype, x.dims, Array.from(x.data, apply));
  };

const gather: Fold = (node, inputs) => {
  const [x, indices] = [inputOf(node, inputs, 0), inputOf(node, inputs, 1)];
  const axis = normalizeAxis(intOf(node, 'axis', 0), x.dims.length, node);
  const size = x.dims[axis] ?? 1;
  const inner = sizeOf(x.dims.slice(axis + 1));
  const outer = sizeOf(x.dims.slice(0, axis));
  const dims = [...x.dims.slice(0, axis), ...indices.dims, ...x.dims.slice(axis + 1)];
  const places = new Int32Array(requireSmall(node, outer * indices.data.length * inner));
  let at = 0;
  for (let o = 0; o < outer; o++)
    for (const given of indices.data) {
      const index = given < 0 ? given + size : given;
      if (!Number.isInteger(index) || index < 0 || index >= size)
        throw new GraphError(`${describeNode(node)} takes position ${String(given)} of ${String(size)}.`);
      for (let i = 0; i < inner; i++) places[at++] = (o * size + index) * inner + i;
    }
  return gathered(x, dims, places);
};

const concat: Fold = (node, inputs) => {
  const parts = inputs.map((_, index) => inputOf(node, inputs, index));
  const [first] = parts;
  if (first === undefined) return undefined;
  const axis = normalizeAxis(intOf(node, 'axis', 0), first.dims.length, node);
  const without = (dims: readonly number[]): readonly number[] => dims.filter((_, a) => a !== axis);
  if (!parts.every((part) => sameDims(without(part.dims), without(first.dims))))
    throw new GraphError(`${describeNode(node)} cannot join its inputs.`);
  requireSmall(
    node,
    parts.reduce((sum, part) => sum + part.data.length, 0),
  );
  const inner = sizeOf(first.dims.slice(axis + 1));
  const values: number[] = [];
  for (let o = 0; o < sizeOf(first.dims.slice(0, axis)); o++)
    for (const { dims, data } of parts) {
      const row = (dims[axis] ?? 0) * inner;
      for (let i = 0; i < row; i++) values.push(data[o * row + i] ?? 0);
    }
  const total = parts.reduce((sum, part) => sum + (part.dims[axis] ?? 0), 0);
  return constantOf(
    isFloat(...parts) ? 'float32' : first.dtype,
    first.dims.map((s, a) => (a === axis ? total : s)),
    values,
  );
};

const slice: Fold = (node, inputs) => {
  const x = inputOf(node, inputs, 0);
  requireSmall(node, x.data.length);
  const list = (index: number): readonly number[] | undefined =>
    inputs[index] === undefined ? undefined : Array.from(inputs[index].data);
  const starts = list(1) ?? [];
  const ends = list(2) ?? [];
  const axes = list(3) ?? starts.map((_, axis) => axis);
  const steps = list(4) ?? starts.map(() => 1);
  let result = x;
  starts.forEach((given, i) => {
    const axis = normalizeAxis(axes[i] ?? 0, result.dims.length, node);
    const size = result.dims[axis] ?? 0;
    const step = steps[i] ?? 1;
    if (step === 0) throw new GraphError(`${describeNode(node)} has the step 0.`);
    const from = (value: number, low: number, high: number): number =>
      Math.min(Math.max(value < 0 ? value + size : value, low), high);
    const start = step > 0 ? from(given, 0, size) : from(given, 0, size - 1);
    const end = step > 0 ? from(ends[i] ?? size, 0, size) : from(ends[i] ?? -size - 1, -1, size - 1);
    const count = Math.max(0, Math.ceil((end - start) / step));
    const indices = constantOf(
      'int64',
      [count],
      Array.from({ length: count }, (_, k) => start + k * step),
    );
    const along: Node = { ...node, attributes: { axis: { kind: 'int', value: axis } } };
    result = gather(along, [result, indices], 0) ?? result;
  });
  return result;
};

const expand: Fold = (node, inputs) => {
  const x = inputOf(node, inputs, 0);
  const dims = broadcastDims(x.dims, Array.from(inputOf(node, inputs, 1).data), node);
  // Repeated for every example: only a node can do that.
  if (dims.some(holdsBatch)) return undefined;
  requireSmall(node, sizeOf(dims));
  return gathered(x, dims, placesOf(dims, broadcastSteps(x.dims, dims)));
};

const transpose: Fold = (node, inputs) => {
  const x = inputOf(node, inputs, 0);
  const perm = permutationOf(node, x.dims.length);
  const dims = perm.map((axis) => x.dims[axis] ?? 0);
  const strides = stridesOf(x.dims);
  return gathered(
    x,
    dims,
    placesOf(
      dims,
      perm.map((axis) => strides[axis] ?? 0),
    ),
  );
};

const constantOfShape: Fold = (node, inputs) => {
  const dims = Array.from(inputOf(node, inputs, 0).data);
  if (dims.some((size) => size < 0)) throw new GraphError(`${describeNode(node)} has a negative size.`);
  requireSmall(node, sizeOf(dims));
  const value = node.attributes['value'];
  const number = value?.kind === 'int' || value?.kind === 'float' ? value.value : 0;
  return constantOf(
    value?.kind === 'int' ? 'int64' : 'float32',
    dims,
    Array<number>(sizeOf(dims)).fill(number),
  );
};

const range: Fold = (node, inputs) => {
  const [start = 0, limit = 0, delta = 1] = [0, 1, 2].map((i) =>
    singleValue(inputOf(node, inputs, i), `Input ${String(i)} of ${describeNode(node)}`),
  );
  const count = requireSmall(node, Math.max(0, Math.ceil((limit - start) / delta)));
  const float = isFloat(inputOf(node, inputs, 0), inputOf(node, inputs, 2));
  return constantOf(
    float ? 'float32' : 'int64',
    [count],
    Array.from({ length: count }, (_, i) => start + i * delta),
  );
};

const where: Fold = (node, inputs) => {
  const [condition, a, b] = [0, 1, 2].map((i) => inputOf(node, inputs, i));
  if (!condition || !a || !b) return undefined;
  const dims = broadcastDims(broadcastDims(condition.dims, a.dims, node), b.dims, node);
  requireSmall(node, sizeOf(dims));
  const [c, x, y] = [condition, a, b].map(({ data, dims: from }) => {
    const places = placesOf(dims, broadcastSteps(from, dims));
    return (i: number): number => data[places[i] ?? 0] ?? 0;
  });
  const values = Array.from({ length: sizeOf(dims) }, (_, i) =>
    c?.(i) === 0 ? (y?.(i) ?? 0) : (x?.(i) ?? 0),
  );
  return constantOf(isFloat(a, b) ? 'float32' : a.dtype, dims, values);
};

function converted(x: Constant, to: DType): Constant {
  if (to === x.dtype) return x;
  const convert = (value: number): number =>
    to === 'int64' ? Math.trunc(value) : to === 'bool' ? Number(value !== 0) : value;
  return constantOf(to, x.dims, Array.from(x.data, convert));
}

const cast: Fold = (node, inputs) => {
  const x = inputOf(node, inputs, 0);
  const to = castTarget(node);
  if (to !== x.dtype) requireSmall(node, x.data.length);
  return converted(x, to);
};

/** As Cast, to the type of the second input. */
const castLike: Fold = (node, inputs) => {
  const [x, like] = [inputOf(node, inputs, 0), inputOf(node, inputs, 1)];
  requireSmall(node, x.data.length);
  return converted(x, like.dtype);
};

const reduceProd: Fold = (node, inputs) => {
  const x = inputOf(node, inputs, 0);
  requireSmall(node, x.data.length);
  if (x.dims.length > 1) return undefined;
  const dims = intOf(node, 'keepdims', 1) === 1 ? x.dims.map(() => 1) : [];
  return constantOf(x.dtype, dims, [Array.from(x.data).reduce((a, b) => a * b, 1)]);
};

const division = (a: number, b: number, float: boolean): number => {
  if (float) return a / b;
  if (b === 0) throw new GraphError('A constant is divided by zero.');
  return Math.trunc(a / b);
};

/** Python's remainder unless `fmod` asks for C's. */
const mod: Fold = (node, inputs, opset) => {
  const c = intOf(node, 'fmod', 0) === 1;
  return binary((a, b) => (c || b === 0 ? a % b : a - b * Math.floor(a / b)))(node, inputs, opset);
};

/** Only the dimensions change: the values stay where they are. */
const IN_PLACE: Readonly<Record<string, Fold>> = {
  Identity: (node, inputs) => inputOf(node, inputs, 0),
  Reshape: (node, inputs) => {
    const x = inputOf(node, inputs, 0);
    return withDims(x, reshapedDims(node, x.dims, Array.from(inputOf(node, inputs, 1).data)));
  },
  Squeeze: (node, inputs, opset) => {
    const x = inputOf(node, inputs, 0);
    return withDims(x, squeezedDims(node, x.dims, axesFor(node, inputs, opset)));
  },
  Unsqueeze: (node, inputs, opset) => {
    const x = inputOf(node, inputs, 0);
    return withDims(x, unsqueezedDims(node, x.dims, axesFor(node, inputs, opset) ?? []));
  },
  Flatten: (node, inputs) => {
    const x = inputOf(node, inputs, 0);
    const axis = intOf(node, 'axis', 1);
    const split = axis < 0 ? axis + x.dims.length : axis;
    return withDims(x, [sizeOf(x.dims.slice(0, split)), sizeOf(x.dims.slice(split))]);
  },
};

/** Axes were an attribute before operator set 13 and are an input since. */
const axesFor = (node: Node, inputs: Inputs, opset: number): readonly number[] | undefined =>
  opset < 13 ? intsOf(node, 'axes') : inputs[1] && Array.from(inputs[1].data);

const FOLDS: Readonly<Record<string, Fold>> = {
  ...IN_PLACE,
  Cast: cast,
  CastLike: castLike,
  Concat: concat,
  ConstantOfShape: constantOfShape,
  Expand: expand,
  Gather: gather,
  Range: range,
  ReduceProd: reduceProd,
  Slice: slice,
  Transpose: transpose,
  Where: where,
  Add: binary((a, b) => a + b),
  Sub: binary((a, b) => a - b),
  Mul: binary((a, b) => a * b),
  Div: binary(division),
  Mod: mod,
  Pow: binary((a, b) => a ** b),
  Min: binary((a, b) => Math.min(a, b)),
  Max: binary((a, b) => Math.max(a, b)),
  Equal: binary((a, b) => Number(a === b), 'bool'),
  Less: binary((a, b) => Number(a < b), 'bool'),
  Greater: binary((a, b) => Number(a > b), 'bool'),
  And: binary((a, b) => Number(a !== 0 && b !== 0), 'bool'),
  Or: binary((a, b) => Number(a !== 0 || b !== 0), 'bool'),
  Not: unary((value) => Number(value === 0)),
  Neg: unary((value) => -value),
  Abs: unary(Math.abs),
  Floor: unary(Math.floor),
  Ceil: unary(Math.ceil),
  Sqrt: unary(Math.sqrt),
  Exp: unary(Math.exp),
  Reciprocal: unary((value) => 1 / value),
};

/** Whether the operator gives every value of its first input again, in whatever order and shape, or some of them. */
export const isRearrangement = (op: string): boolean =>
  Object.hasOwn(IN_PLACE, op) || ['Cast', 'Gather', 'Slice', 'Transpose'].includes(op);

/**
 * The value of a node whose inputs are all known; undefined where this operator is not computed here.
 * @param inputs undefined where an optional input is omitted
 * @throws GraphError when the inputs do not fit, or the result or the whole file's work is too large
 */
export function fold(node: Node, inputs: Inputs, opset: number, budget: FoldBudget): Constant | undefined {
  const rule = Object.hasOwn(FOLDS, node.op) ? FOLDS[node.op] : undefined;
  if (rule === undefined || node.outputs.filter((name) => name !== '').length !== 1) return undefined;
  if (textOf(node, 'mode', '') !== '') return undefined;
  const isFree = Object.hasOwn(IN_PLACE, node.op);
  budget.take(isFree ? 1 : inputs.reduce((sum, input) => sum + (input?.data.length ?? 0), 1), node);
  const result = rule(node, inputs, opset);
  if (result !== undefined && !isFree) budget.take(result.data.length, node);
  return result;
}
