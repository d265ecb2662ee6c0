/** Gemm-13 and MatMul-13 as ONNX defines them. */
import { broadcastDims, broadcastIndex } from './elementwise.ts';
import { at, generate, get, type Tensor64 } from './tensor64.ts';

export interface GemmOptions {
  readonly alpha: number;
  readonly beta: number;
  readonly transA: boolean;
  readonly transB: boolean;
}

/** α·op(A)·op(B) + β·C */
export function gemm(a: Tensor64, b: Tensor64, c: Tensor64 | undefined, options: GemmOptions): Tensor64 {
  const { alpha, beta, transA, transB } = options;
  const rows = at(a.dims, transA ? 1 : 0);
  const inner = at(a.dims, transA ? 0 : 1);
  const columns = at(b.dims, transB ? 0 : 1);
  return generate([rows, columns], ([i = 0, j = 0]) => {
    let sum = 0;
    for (let k = 0; k < inner; k++)
      sum += (transA ? get(a, k, i) : get(a, i, k)) * (transB ? get(b, j, k) : get(b, k, j));
    const bias = c === undefined ? 0 : get(c, ...broadcastIndex(c.dims, [i, j]));
    return alpha * sum + beta * bias;
  });
}

/** Stacks of matrices; the leading dimensions broadcast. */
export function matmul(a: Tensor64, b: Tensor64): Tensor64 {
  const [leadA, leadB] = [a.dims.slice(0, -2), b.dims.slice(0, -2)];
  const inner = at(a.dims, a.dims.length - 1);
  const dims = [...broadcastDims(leadA, leadB), at(a.dims, a.dims.length - 2), at(b.dims, b.dims.length - 1)];
  return generate(dims, (index) => {
    const lead = index.slice(0, -2);
    const [i, j] = [at(index, index.length - 2), at(index, index.length - 1)];
    let sum = 0;
    for (let k = 0; k < inner; k++)
      sum += get(a, ...broadcastIndex(leadA, lead), i, k) * get(b, ...broadcastIndex(leadB, lead), k, j);
    return sum;
  });
}
