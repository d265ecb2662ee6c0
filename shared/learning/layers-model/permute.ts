/** Reordering the axes of a weight tensor between Keras' order (channels last) and ONNX's (channels first). */
import { sizeOf } from '../weights.ts';

/**
 * The values of a row-major tensor after its axes are reordered: axis i of the result is axis `order[i]` of `values`.
 * @param dims shape of `values`
 */
export function permute(
  values: Float32Array,
  dims: readonly number[],
  order: readonly number[],
): Float32Array {
  const strides = dims.map((_, axis) => sizeOf(dims.slice(axis + 1)));
  const outDims = order.map((axis) => dims[axis] ?? 1);
  const outStrides = order.map((axis) => strides[axis] ?? 1);
  const result = new Float32Array(values.length);
  const index = outDims.map(() => 0);
  let from = 0;
  for (let i = 0; i < result.length; i++) {
    result[i] = values[from] ?? 0;
    for (let axis = outDims.length - 1; axis >= 0; axis--) {
      const next = (index[axis] ?? 0) + 1;
      from += outStrides[axis] ?? 0;
      if (next < (outDims[axis] ?? 1)) {
        index[axis] = next;
        break;
      }
      from -= next * (outStrides[axis] ?? 0);
      index[axis] = 0;
    }
  }
  return result;
}
