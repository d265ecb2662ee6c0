/** Conv-11, ConvTranspose-11, MaxPool-12, AveragePool-19 and GlobalAveragePool-1 over images, as ONNX defines them. */
import { at, generate, get, type Tensor64 } from './tensor64.ts';

export interface Window {
  readonly kernel: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly dilations: readonly [number, number];
  /** top, left, bottom, right */
  readonly pads: readonly [number, number, number, number];
}

/** Output size along one axis. */
const outputSize = (
  size: number,
  before: number,
  after: number,
  kernel: number,
  stride: number,
  dilation: number,
): number => Math.floor((size + before + after - (dilation * (kernel - 1) + 1)) / stride) + 1;

function outputDims(x: Tensor64, channels: number, w: Window): number[] {
  const [batch, , height, width] = [at(x.dims, 0), at(x.dims, 1), at(x.dims, 2), at(x.dims, 3)];
  return [
    batch,
    channels,
    outputSize(height, w.pads[0], w.pads[2], w.kernel[0], w.strides[0], w.dilations[0]),
    outputSize(width, w.pads[1], w.pads[3], w.kernel[1], w.strides[1], w.dilations[1]),
  ];
}

/** Calls `visit` with every position of the window at output (i, j): row and column in the image, inside or not. */
function overWindow(
  w: Window,
  i: number,
  j: number,
  visit: (row: number, column: number, kernelRow: number, kernelColumn: number) => void,
): void {
  for (let p = 0; p < w.kernel[0]; p++)
    for (let q = 0; q < w.kernel[1]; q++)
      visit(
        i * w.strides[0] - w.pads[0] + p * w.dilations[0],
        j * w.strides[1] - w.pads[1] + q * w.dilations[1],
        p,
        q,
      );
}

const inside = (x: Tensor64, row: number, column: number): boolean =>
  row >= 0 && row < at(x.dims, 2) && column >= 0 && column < at(x.dims, 3);

/** Weights [M, C/group, kH, kW]; the bias [M] may be absent. */
export function conv(
  x: Tensor64,
  weights: Tensor64,
  bias: Tensor64 | undefined,
  group: number,
  w: Window,
): Tensor64 {
  const [filters, perGroup] = [at(weights.dims, 0), at(weights.dims, 1)];
  const [channels, height, width] = [at(x.dims, 1), at(x.dims, 2), at(x.dims, 3)];
  return generate(outputDims(x, filters, w), ([n = 0, m = 0, i = 0, j = 0]) => {
    const firstChannel = Math.floor(m / (filters / group)) * perGroup;
    let sum = bias === undefined ? 0 : get(bias, m);
    overWindow(w, i, j, (row, column, p, q) => {
      if (!inside(x, row, column)) return;
      // Offsets written out: these products are nearly all that the reference computes.
      for (let c = 0; c < perGroup; c++) {
        const pixel = ((n * channels + firstChannel + c) * height + row) * width + column;
        const weight = ((m * perGroup + c) * w.kernel[0] + p) * w.kernel[1] + q;
        sum += at(x.data, pixel) * at(weights.data, weight);
      }
    });
    return sum;
  });
}

export function maxPool(x: Tensor64, w: Window): Tensor64 {
  return generate(outputDims(x, at(x.dims, 1), w), ([n = 0, c = 0, i = 0, j = 0]) => {
    let best = -Infinity;
    overWindow(w, i, j, (row, column) => {
      if (inside(x, row, column)) best = Math.max(best, get(x, n, c, row, column));
    });
    return best;
  });
}

export function averagePool(x: Tensor64, w: Window, countIncludePad: boolean): Tensor64 {
  return generate(outputDims(x, at(x.dims, 1), w), ([n = 0, c = 0, i = 0, j = 0]) => {
    let sum = 0;
    let count = 0;
    overWindow(w, i, j, (row, column) => {
      const within = inside(x, row, column);
      if (within) sum += get(x, n, c, row, column);
      if (within || countIncludePad) count += 1;
    });
    return sum / count;
  });
}

export function globalAveragePool(x: Tensor64): Tensor64 {
  const [height, width] = [at(x.dims, 2), at(x.dims, 3)];
  return generate([at(x.dims, 0), at(x.dims, 1), 1, 1], ([n = 0, c = 0]) => {
    let sum = 0;
    for (let i = 0; i < height; i++) for (let j = 0; j < width; j++) sum += get(x, n, c, i, j);
    return sum / (height * width);
  });
}

/** Every pixel adds its multiple of the kernel to the output. Weights [C, M/group, kH, kW]; the bias [M] may be absent. */
export function convTranspose(
  x: Tensor64,
  weights: Tensor64,
  bias: Tensor64 | undefined,
  group: number,
  w: Window,
  outputPadding: readonly number[],
): Tensor64 {
  const [batch, channels, height, width] = [at(x.dims, 0), at(x.dims, 1), at(x.dims, 2), at(x.dims, 3)];
  const perGroup = at(weights.dims, 1);
  const size = (axis: 0 | 1, input: number): number =>
    (input - 1) * w.strides[axis] +
    (w.kernel[axis] - 1) * w.dilations[axis] +
    1 -
    w.pads[axis] -
    (axis === 0 ? w.pads[2] : w.pads[3]) +
    at(outputPadding, axis);
  const dims = [batch, perGroup * group, size(0, height), size(1, width)];
  const result = generate(dims, ([, m = 0]) => (bias ? get(bias, m) : 0));
  generate([batch, channels, height, width], ([n = 0, c = 0, i = 0, j = 0]) => {
    const firstFilter = Math.floor(c / (channels / group)) * perGroup;
    overWindow(w, i, j, (row, column, p, q) => {
      if (row < 0 || column < 0 || row >= at(dims, 2) || column >= at(dims, 3)) return;
      for (let f = 0; f < perGroup; f++) {
        const target = ((n * at(dims, 1) + firstFilter + f) * at(dims, 2) + row) * at(dims, 3) + column;
        result.data[target] = at(result.data, target) + get(x, n, c, i, j) * get(weights, c, f, p, q);
      }
    });
    return 0;
  });
  return result;
}
