/** Element-wise operators as ONNX defines them (docs/Operators.md, docs/Broadcasting.md). */
import { at, generate, get, map, type Tensor64 } from './tensor64.ts';

/** Sizes of a broadcast: dimensions are aligned at the end, and a 1 takes the other's size. */
export function broadcastDims(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  const result: number[] = [];
  for (let axis = 0; axis < rank; axis++) {
    const x = a[a.length - rank + axis] ?? 1;
    const y = b[b.length - rank + axis] ?? 1;
    if (x !== y && x !== 1 && y !== 1) throw new Error('shapes do not broadcast');
    result.push(x === 1 ? y : x);
  }
  return result;
}

/** The index into a tensor of shape `dims` that belongs to `index` of a shape it is broadcast to. */
export function broadcastIndex(dims: readonly number[], index: readonly number[]): number[] {
  return dims.map((size, axis) => (size === 1 ? 0 : at(index, index.length - dims.length + axis)));
}

export function binary(a: Tensor64, b: Tensor64, f: (x: number, y: number) => number): Tensor64 {
  return generate(broadcastDims(a.dims, b.dims), (index) =>
    f(get(a, ...broadcastIndex(a.dims, index)), get(b, ...broadcastIndex(b.dims, index))),
  );
}

export const add = (a: Tensor64, b: Tensor64): Tensor64 => binary(a, b, (x, y) => x + y);
export const sub = (a: Tensor64, b: Tensor64): Tensor64 => binary(a, b, (x, y) => x - y);
export const mul = (a: Tensor64, b: Tensor64): Tensor64 => binary(a, b, (x, y) => x * y);
export const div = (a: Tensor64, b: Tensor64): Tensor64 => binary(a, b, (x, y) => x / y);

export const neg = (x: Tensor64): Tensor64 => map(x, (v) => -v);
export const relu = (x: Tensor64): Tensor64 => map(x, (v) => Math.max(0, v));
export const sigmoid = (x: Tensor64): Tensor64 => map(x, (v) => 1 / (1 + Math.exp(-v)));
export const hardSwish = (x: Tensor64): Tensor64 => map(x, (v) => v * Math.max(0, Math.min(1, v / 6 + 0.5)));

export function clip(x: Tensor64, low = -Infinity, high = Infinity): Tensor64 {
  return map(x, (v) => Math.min(high, Math.max(low, v)));
}

export function expand(x: Tensor64, shape: readonly number[]): Tensor64 {
  return generate(broadcastDims(x.dims, shape), (index) => get(x, ...broadcastIndex(x.dims, index)));
}
