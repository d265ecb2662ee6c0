/** Reshape-21, Flatten-13, Transpose-13, Concat-13, Slice-13, Pad-21, ReduceSum-13, ReduceMean-18, Softmax-13 as ONNX defines them. */
import { at, generate, get, sizeOf, type Tensor64 } from './tensor64.ts';

/** 0 keeps a size, -1 takes what is left. */
export function reshape(x: Tensor64, shape: readonly number[]): Tensor64 {
  const kept = shape.map((size, axis) => (size === 0 ? at(x.dims, axis) : size));
  const rest = x.data.length / sizeOf(kept.filter((size) => size !== -1));
  return { dims: kept.map((size) => (size === -1 ? rest : size)), data: x.data };
}

export function flatten(x: Tensor64, axis: number): Tensor64 {
  const split = axis < 0 ? axis + x.dims.length : axis;
  return { dims: [sizeOf(x.dims.slice(0, split)), sizeOf(x.dims.slice(split))], data: x.data };
}

/** Axis i of the result is axis perm[i] of the input. */
export function transpose(x: Tensor64, perm: readonly number[]): Tensor64 {
  return generate(
    perm.map((axis) => at(x.dims, axis)),
    (index) => get(x, ...x.dims.map((_, axis) => at(index, perm.indexOf(axis)))),
  );
}

export function concat(inputs: readonly Tensor64[], axis: number): Tensor64 {
  const [first] = inputs;
  if (!first) throw new Error('nothing to join');
  const along = axis < 0 ? axis + first.dims.length : axis;
  const total = inputs.reduce((sum, x) => sum + at(x.dims, along), 0);
  return generate(
    first.dims.map((size, a) => (a === along ? total : size)),
    (index) => {
      let position = at(index, along);
      for (const x of inputs) {
        const size = at(x.dims, along);
        if (position < size) return get(x, ...index.map((i, a) => (a === along ? position : i)));
        position -= size;
      }
      throw new Error('outside every input');
    },
  );
}

/** Sums over the given axes; none means all. */
export function reduceSum(x: Tensor64, axes: readonly number[], keepDims: boolean): Tensor64 {
  const rank = x.dims.length;
  const over = new Set(
    axes.length === 0 ? x.dims.map((_, axis) => axis) : axes.map((axis) => (axis < 0 ? axis + rank : axis)),
  );
  const kept = x.dims.map((size, axis) => (over.has(axis) ? 1 : size));
  const summed = generate(kept, (index) => {
    let sum = 0;
    generate(
      x.dims.map((size, axis) => (over.has(axis) ? size : 1)),
      (inner) => (sum += get(x, ...index.map((i, axis) => i + at(inner, axis)))),
    );
    return sum;
  });
  return keepDims ? summed : { dims: x.dims.filter((_, axis) => !over.has(axis)), data: summed.data };
}

export function reduceMean(x: Tensor64, axes: readonly number[], keepDims: boolean): Tensor64 {
  const sum = reduceSum(x, axes, keepDims);
  const count = x.data.length / sum.data.length;
  return { dims: sum.dims, data: sum.data.map((value) => value / count) };
}

/** Over the last axis. */
export function softmax(x: Tensor64): Tensor64 {
  const size = at(x.dims, x.dims.length - 1);
  const data = new Float64Array(x.data.length);
  for (let start = 0; start < data.length; start += size) {
    const row = x.data.subarray(start, start + size);
    const largest = Math.max(...row);
    const total = row.reduce((sum, value) => sum + Math.exp(value - largest), 0);
    for (let i = 0; i < size; i++) data[start + i] = Math.exp(at(row, i) - largest) / total;
  }
  return { dims: x.dims, data };
}

/** Positive steps; ends beyond an axis are cut. */
export function slice(
  x: Tensor64,
  starts: readonly number[],
  ends: readonly number[],
  axes: readonly number[],
  steps: readonly number[],
): Tensor64 {
  const from = x.dims.map(() => 0);
  const by = x.dims.map(() => 1);
  const dims = [...x.dims];
  starts.forEach((given, i) => {
    const axis = axes.length === 0 ? i : at(axes, i) < 0 ? at(axes, i) + x.dims.length : at(axes, i);
    const size = at(x.dims, axis);
    const inside = (value: number): number => Math.max(0, Math.min(size, value < 0 ? value + size : value));
    by[axis] = steps.length === 0 ? 1 : at(steps, i);
    from[axis] = inside(given);
    dims[axis] = Math.max(0, Math.ceil((inside(at(ends, i)) - inside(given)) / at(by, axis)));
  });
  return generate(dims, (index) => get(x, ...index.map((i, axis) => at(from, axis) + i * at(by, axis))));
}

/** Sizes before every axis, then after every axis. */
export function pad(x: Tensor64, pads: readonly number[], value: number): Tensor64 {
  const rank = x.dims.length;
  const dims = x.dims.map((size, axis) => size + at(pads, axis) + at(pads, axis + rank));
  return generate(dims, (index) => {
    const source = index.map((i, axis) => i - at(pads, axis));
    return source.every((i, axis) => i >= 0 && i < at(x.dims, axis)) ? get(x, ...source) : value;
  });
}
