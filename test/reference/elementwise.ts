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

export const sqrt = (x: Tensor64): Tensor64 => map(x, Math.sqrt);
export const exp = (x: Tensor64): Tensor64 => map(x, Math.exp);
export const tanh = (x: Tensor64): Tensor64 => map(x, Math.tanh);
export const reciprocal = (x: Tensor64): Tensor64 => map(x, (v) => 1 / v);
export const pow = (a: Tensor64, b: Tensor64): Tensor64 => binary(a, b, (x, y) => x ** y);
export const prelu = (a: Tensor64, b: Tensor64): Tensor64 =>
  binary(a, b, (x, slope) => (x > 0 ? x : slope * x));

/** 2/√π·exp(−x²)·Σ 2ⁿ·x^(2n+1)/(2n+1)!!, whose terms all have one sign (Abramowitz, Stegun 1964, 7.1.6). */
export function erfOf(x: number): number {
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

export const erf = (x: Tensor64): Tensor64 => map(x, erfOf);

export function gelu(x: Tensor64, approximate: string): Tensor64 {
  if (approximate === 'none') return map(x, (v) => 0.5 * v * (1 + erfOf(v / Math.SQRT2)));
  return map(x, (v) => 0.5 * v * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (v + 0.044715 * v ** 3))));
}

export const leakyRelu = (x: Tensor64, alpha: number): Tensor64 => map(x, (v) => (v > 0 ? v : alpha * v));

export const hardSigmoid = (x: Tensor64, alpha: number, beta: number): Tensor64 =>
  map(x, (v) => Math.max(0, Math.min(1, alpha * v + beta)));
