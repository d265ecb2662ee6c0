/** Gradients of the pooling operators in standard operators, NCHW. */
import { int, intOf, ints, requiredInts } from '../graph/attributes.ts';
import type { Window } from '../graph/shapes.ts';
import { inputOf, outputOf, type LowerContext, type LowerRule } from './context.ts';
import { positive, toFloat } from './elementwise.ts';
import { gradientWindow, taps } from './standard-conv.ts';

/** Stands for −∞ in padding: below every activation, and finite, so that products with zero stay zero. */
const LOWEST = -3e38;

/** One-hot kernels [taps, 1, kh, kw]: a convolution with them lays a window's positions out as channels. */
function oneHotKernels(context: LowerContext, w: Window): string {
  const count = w.kernel[0] * w.kernel[1];
  const data = new Float32Array(count * count);
  for (let tap = 0; tap < count; tap++) data[tap * count + tap] = 1;
  return context.emit.floats(data, [count, 1, ...w.kernel]);
}

/** Output padding with which a transposed convolution has `dims` again. */
function transposePadding(w: Window, dims: readonly number[], from: readonly number[]): number[] {
  return ([0, 1] as const).map((axis) => {
    const total = w.pads[axis] + (axis === 0 ? w.pads[2] : w.pads[3]);
    const reach = (w.kernel[axis] - 1) * w.dilations[axis] + 1;
    return (dims[2 + axis] ?? 0) - (((from[2 + axis] ?? 0) - 1) * w.strides[axis] - total + reach);
  });
}

/** Adds window values [N·C, taps, OH, OW] up at their positions, [N, C, H, W]. */
function scatter(
  context: LowerContext,
  values: string,
  kernels: string,
  w: Window,
  dims: readonly number[],
  from: readonly number[],
): string {
  const { emit } = context;
  const spread = emit.op('ConvTranspose', [values, kernels], {
    kernel_shape: ints(w.kernel),
    strides: ints(w.strides),
    dilations: ints(w.dilations),
    pads: ints(w.pads),
    output_padding: ints(transposePadding(w, dims, from)),
  });
  return emit.reshape(spread, dims);
}

/** Any window: the first position that holds the maximum, in row-major order, receives the gradient. */
function generalMaxPoolGrad(context: LowerContext, names: readonly [string, string], w: Window): string {
  const { emit } = context;
  const [x, dy] = names;
  const dims = context.dims(x);
  const [n = 0, c = 0, h = 0, width = 0] = dims;
  const [, , oh = 0, ow = 0] = context.dims(dy);
  const count = w.kernel[0] * w.kernel[1];
  const kernels = oneHotKernels(context, w);
  const image = emit.reshape(context.plain(x), [n * c, 1, h, width]);
  const [top, left, bottom, right] = w.pads;
  const padded = emit.pad(image, [0, 0, top, left, 0, 0, bottom, right], LOWEST);
  const windows = emit.op('Conv', [padded, kernels], {
    kernel_shape: ints(w.kernel),
    strides: ints(w.strides),
    dilations: ints(w.dilations),
  });
  const winner = emit.op('ArgMax', [windows], { axis: int(1), keepdims: int(1) });
  const winnerValue = toFloat(emit, winner);
  const order = emit.floats(
    Array.from({ length: count }, (_, index) => index),
    [1, count, 1, 1],
  );
  const chosen = toFloat(emit, emit.op('Equal', [winnerValue, order]));
  const values = emit.op('Mul', [chosen, emit.reshape(context.plain(dy), [n * c, 1, oh, ow])]);
  return scatter(context, values, kernels, w, dims, context.dims(dy));
}

/** 2×2 windows side by side: one contest along the columns, one along the rows. */
function pairwiseMaxPoolGrad(context: LowerContext, names: readonly [string, string]): string {
  const { emit, target } = context;
  const [x, dy] = names;
  const [n = 0, c = 0, h = 0, w = 0] = context.dims(x);
  const [h2, w2] = [h / 2, w / 2];
  const plane = (row: number, column: number): string =>
    emit.slice(context.plain(x), [2, 3], [row, column], [h, w], [2, 2]);
  const [a, b, c2, d] = [plane(0, 0), plane(0, 1), plane(1, 0), plane(1, 1)];
  const wins = (challenger: string, holder: string): string =>
    positive(emit, emit.op('Sub', [challenger, holder]), target);
  const gradient = context.plain(dy);
  const below = wins(emit.op('Max', [c2, d]), emit.op('Max', [a, b]));
  const bottom = emit.op('Mul', [gradient, below]);
  const top = emit.op('Sub', [gradient, bottom]);
  const split = (value: string, left: string, right: string): [string, string] => {
    const second = emit.op('Mul', [value, wins(right, left)]);
    return [emit.op('Sub', [value, second]), second];
  };
  const rows = [split(top, a, b), split(bottom, c2, d)].map(([left, right]) =>
    emit.concat([emit.reshape(left, [n * c * h2, w2, 1]), emit.reshape(right, [n * c * h2, w2, 1])], 2),
  );
  const joined = emit.concat(
    rows.map((row) => emit.reshape(row, [n * c * h2, 1, w])),
    1,
  );
  return emit.reshape(joined, [n, c, h, w]);
}

export const isPairwise = (w: Window): boolean =>
  [...w.kernel, ...w.strides].every((size) => size === 2) &&
  w.pads.every((size) => size === 0) &&
  w.dilations.every((size) => size === 1);

export const maxPoolGrad: LowerRule = (context, node) => {
  const [x, dy] = [inputOf(node, 0), inputOf(node, 2)];
  const w = gradientWindow(node);
  const even = context
    .dims(x)
    .slice(2)
    .every((size) => size % 2 === 0);
  const value =
    isPairwise(w) && even ? pairwiseMaxPoolGrad(context, [x, dy]) : generalMaxPoolGrad(context, [x, dy], w);
  context.setPlain(outputOf(node), value);
  return true;
};

/** 1/(number of positions averaged) for each output position [1, 1, OH, OW]. */
function shares(
  w: Window,
  dims: readonly number[],
  from: readonly number[],
  includePad: boolean,
): Float32Array {
  const [, , oh = 0, ow = 0] = from;
  const inside = (out: number, axis: 0 | 1): number => {
    const start = out * w.strides[axis] - w.pads[axis];
    const positions = Array.from({ length: w.kernel[axis] }, (_, tap) => start + tap * w.dilations[axis]);
    return positions.filter((at) => includePad || (at >= 0 && at < (dims[2 + axis] ?? 0))).length;
  };
  return Float32Array.from(
    { length: oh * ow },
    (_, index) => 1 / (inside(Math.floor(index / ow), 0) * inside(index % ow, 1)),
  );
}

export const averagePoolGrad: LowerRule = (context, node) => {
  const { emit } = context;
  const dy = inputOf(node, 0);
  const dims = requiredInts(node, 'dims');
  const from = context.dims(dy);
  const [n = 0, c = 0, oh = 0, ow = 0] = from;
  const w = gradientWindow(node);
  const share = emit.floats(shares(w, dims, from, intOf(node, 'count_include_pad', 0) === 1), [1, 1, oh, ow]);
  const scaled = emit.reshape(emit.op('Mul', [context.plain(dy), share]), [n * c, 1, oh, ow]);
  const kernels = emit.floats(new Float32Array(taps(w).length).fill(1), [1, 1, ...w.kernel]);
  context.setPlain(outputOf(node), scatter(context, scaled, kernels, w, dims, from));
  return true;
};

export const globalAveragePoolGrad: LowerRule = (context, node) => {
  const { emit } = context;
  const dims = requiredInts(node, 'dims');
  const [, , h = 1, w = 1] = dims;
  const scaled = emit.op('Mul', [context.plain(inputOf(node, 0)), emit.scalar(1 / (h * w))]);
  context.setPlain(outputOf(node), emit.op('Expand', [scaled, emit.ints(dims)]));
  return true;
};
