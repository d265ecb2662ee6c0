/** BatchNormalization-15, GroupNormalization-21 over [N, C, H, W] and LayerNormalization-17, as ONNX defines them. */
import { at, generate, get, tensor, type Tensor64 } from './tensor64.ts';

/** Mean and biased variance. */
function moments(values: readonly number[]): [number, number] {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  return [mean, values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length];
}

export interface AffineParameters {
  readonly scale: Tensor64;
  readonly shift: Tensor64;
}

/** With the given statistics [C]. */
export function batchNormalization(
  x: Tensor64,
  { scale, shift }: AffineParameters,
  statistics: { readonly mean: Tensor64; readonly variance: Tensor64 },
  epsilon: number,
): Tensor64 {
  return generate(x.dims, (index) => {
    const c = at(index, 1);
    const normal =
      (get(x, ...index) - get(statistics.mean, c)) / Math.sqrt(get(statistics.variance, c) + epsilon);
    return get(scale, c) * normal + get(shift, c);
  });
}

/** Mean and biased variance of each channel over examples and positions. */
export function batchStatistics(x: Tensor64): { mean: Tensor64; variance: Tensor64 } {
  const [batch, channels, height, width] = [at(x.dims, 0), at(x.dims, 1), at(x.dims, 2), at(x.dims, 3)];
  const each = Array.from({ length: channels }, (_, c) => {
    const values: number[] = [];
    for (let n = 0; n < batch; n++)
      for (let i = 0; i < height; i++) for (let j = 0; j < width; j++) values.push(get(x, n, c, i, j));
    return moments(values);
  });
  return {
    mean: tensor(
      [channels],
      each.map(([mean]) => mean),
    ),
    variance: tensor(
      [channels],
      each.map(([, variance]) => variance),
    ),
  };
}

/** One mean and biased variance for each example and group of neighbouring channels. */
export function groupNormalization(
  x: Tensor64,
  { scale, shift }: AffineParameters,
  groups: number,
  epsilon: number,
): Tensor64 {
  const [batch, channels, height, width] = [at(x.dims, 0), at(x.dims, 1), at(x.dims, 2), at(x.dims, 3)];
  const size = channels / groups;
  const each = Array.from({ length: batch * groups }, (_, ng) => {
    const [n, g] = [Math.floor(ng / groups), ng % groups];
    const values: number[] = [];
    for (let c = g * size; c < (g + 1) * size; c++)
      for (let i = 0; i < height; i++) for (let j = 0; j < width; j++) values.push(get(x, n, c, i, j));
    return moments(values);
  });
  return generate(x.dims, (index) => {
    const [n, c] = [at(index, 0), at(index, 1)];
    const [mean = 0, variance = 0] = each[n * groups + Math.floor(c / size)] ?? [];
    return get(scale, c) * ((get(x, ...index) - mean) / Math.sqrt(variance + epsilon)) + get(shift, c);
  });
}

/** One mean and biased variance for each position before `axis`, over everything from it on. */
export function layerNormalization(
  x: Tensor64,
  scale: Tensor64,
  shift: Tensor64 | undefined,
  axis: number,
  epsilon: number,
): Tensor64 {
  const size = x.dims.slice(axis < 0 ? axis + x.dims.length : axis).reduce((a, b) => a * b, 1);
  const data = x.data.slice();
  for (let start = 0; start < data.length; start += size) {
    const [mean, variance] = moments([...x.data.subarray(start, start + size)]);
    for (let i = 0; i < size; i++) {
      const normal = (at(x.data, start + i) - mean) / Math.sqrt(variance + epsilon);
      data[start + i] = at(scale.data, i) * normal + (shift ? at(shift.data, i) : 0);
    }
  }
  return { dims: x.dims, data };
}
