/** Tensors of float64 values and plain indexing: the arithmetic of the naive reference. */

export interface Tensor64 {
  readonly dims: readonly number[];
  /** Row-major. */
  readonly data: Float64Array;
}

export const sizeOf = (dims: readonly number[]): number => dims.reduce((a, b) => a * b, 1);

export const zeros = (dims: readonly number[]): Tensor64 => ({ dims, data: new Float64Array(sizeOf(dims)) });

/** @throws when the number of values does not fit the shape. */
export function tensor(dims: readonly number[], values: ArrayLike<number>): Tensor64 {
  if (values.length !== sizeOf(dims))
    throw new Error(`${String(values.length)} values for [${dims.join(', ')}]`);
  return { dims, data: Float64Array.from(values) };
}

/** An element or size that is known to be there. */
export function at(values: ArrayLike<number>, index: number): number {
  const value = values[index];
  if (value === undefined) throw new Error(`index ${String(index)} of ${String(values.length)}`);
  return value;
}

export function offsetOf(dims: readonly number[], index: readonly number[]): number {
  return dims.reduce((offset, size, axis) => offset * size + at(index, axis), 0);
}

export const get = (x: Tensor64, ...index: readonly number[]): number => at(x.data, offsetOf(x.dims, index));

/** The tensor whose element at every index is `value(index)`. */
export function generate(dims: readonly number[], value: (index: readonly number[]) => number): Tensor64 {
  const result = zeros(dims);
  const index = dims.map(() => 0);
  for (let i = 0; i < result.data.length; i++) {
    result.data[i] = value(index);
    for (let axis = dims.length - 1; axis >= 0; axis--) {
      const next = at(index, axis) + 1;
      index[axis] = next === at(dims, axis) ? 0 : next;
      if (next !== at(dims, axis)) break;
    }
  }
  return result;
}

export const map = (x: Tensor64, f: (value: number) => number): Tensor64 => ({
  dims: x.dims,
  data: x.data.map(f),
});
