/**
 * Filter and bias gradients from blocked values. The dense form is one matrix product a kernel tap over the NHWC view,
 * without ever building the columns; the first layer multiplies its few columns with the blocked gradient directly; the
 * depthwise form is a depthwise convolution whose kernel is the output gradient, the batch folded into the channels.
 */
import { int, intOf, ints, requiredInts } from '../graph/attributes.ts';
import type { Node } from '../graph/types.ts';
import { blockedForm } from './blocked-conv.ts';
import { inputOf, outputOf, type LowerContext, type LowerRule } from './context.ts';
import { columns, gradientWindow, pairsOf, sumOf, tapRange, taps } from './standard-conv.ts';

type Pair = readonly [string, string];

const ones = (count: number): Float32Array => new Float32Array(count).fill(1);

/** The input in NHWC, padded, one slice a tap: [N·OH·OW, C]. */
function tapSlices(context: LowerContext, node: Node, [x, dy]: Pair): string[] {
  const { emit } = context;
  const w = gradientWindow(node);
  const [n = 0, c = 0, height = 0, width = 0] = context.dims(x);
  const [, , oh = 0, ow = 0] = context.dims(dy);
  const [top, left, bottom, right] = w.pads;
  const padded = context.once(`nhwc-padded ${x} ${w.pads.join()}`, () => {
    const lines = emit.reshape(context.nhwc(x), [n, height, width * c]);
    return emit.pad(lines, [0, top, left * c, 0, bottom, right * c]);
  });
  const dense = w.strides[1] === 1;
  const view = dense ? padded : emit.reshape(padded, [n, height + top + bottom, width + left + right, c]);
  return taps(w).map(([ky, kx]) => {
    const [y0, y1] = tapRange(ky, w.dilations[0], oh, w.strides[0]);
    const [x0, x1] = tapRange(kx, w.dilations[1], ow, w.strides[1]);
    const scale = dense ? c : 1;
    const cut = emit.slice(view, [1, 2], [y0, x0 * scale], [y1, x1 * scale], w.strides);
    return emit.reshape(cut, [n * oh * ow, c]);
  });
}

function denseFilterGrad(context: LowerContext, node: Node): void {
  const { emit } = context;
  const dims = requiredInts(node, 'dims');
  const [filters = 0, channels = 0, kh = 1, kw = 1] = dims;
  const order = (value: string): string =>
    emit.transpose(emit.reshape(value, [kh, kw, channels, filters]), [3, 2, 0, 1]);
  if (intOf(node, 'per_example', 0) === 1) {
    const rows = denseExampleRows(context, node);
    context.exampleRows.set(outputOf(node), { rows, restore: order });
    return;
  }
  // The sum over pairs runs through the third input of Gemm, one chain a tap.
  const sums: string[] = [];
  for (const pair of pairsOf(node)) {
    const [n = 0, , oh = 0, ow = 0] = context.dims(pair[1]);
    const gradient = emit.reshape(context.nhwc(pair[1]), [n * oh * ow, filters]);
    tapSlices(context, node, pair).forEach((slice, tap) => {
      const before = sums[tap];
      const inputs = [slice, gradient, ...(before === undefined ? [] : [before])];
      sums[tap] = emit.op('Gemm', inputs, { transA: int(1) });
    });
  }
  context.setPlain(outputOf(node), order(emit.concat(sums, 0)));
}

/** [N, taps·C·F] */
function denseExampleRows(context: LowerContext, node: Node): string {
  const { emit } = context;
  const pair: Pair = [inputOf(node, 0), inputOf(node, 1)];
  const [filters = 0, channels = 0, kh = 1, kw = 1] = requiredInts(node, 'dims');
  const [n = 0, , oh = 0, ow = 0] = context.dims(pair[1]);
  const slices = tapSlices(context, node, pair);
  const stacked = emit.concat(
    slices.map((slice) => emit.reshape(slice, [n, oh * ow, channels])),
    2,
  );
  const gradient = emit.reshape(context.nhwc(pair[1]), [n, oh * ow, filters]);
  const product = emit.op('FusedMatMul', [stacked, gradient], { transA: int(1) }, 'com.microsoft');
  return emit.reshape(product, [n, kh * kw * channels * filters]);
}

/** Columns of the first layer's input times the blocked gradient: [N, F/b, taps·C (+ 1), b]. */
function firstProducts(context: LowerContext, node: Node, [x, dy]: Pair, withOnes: boolean): string {
  const { emit } = context;
  const [filters = 0, channels = 0, kh = 1, kw = 1] = requiredInts(node, 'dims');
  const [n = 0, , oh = 0, ow = 0] = context.dims(dy);
  const block = context.target.blockSize ?? 1;
  const planes = withOnes ? [emit.floats(ones(n * oh * ow), [n, 1, oh, ow])] : [];
  const rows = columns(context, x, context.dims(dy), gradientWindow(node), planes);
  const left = emit.reshape(rows, [n, 1, kh * kw * channels + (withOnes ? 1 : 0), oh * ow]);
  const right = emit.reshape(context.blocked(dy), [n, filters / block, oh * ow, block]);
  return emit.op('MatMul', [left, right]);
}

/** The bias gradient comes out of the same product, through a plane of ones beside the columns. */
function firstFilterGrad(context: LowerContext, node: Node, block: number): void {
  const { emit } = context;
  const dims = requiredInts(node, 'dims');
  const [filters = 0, channels = 0, kh = 1, kw = 1] = dims;
  const count = kh * kw * channels;
  const order = (value: string): string =>
    emit.reshape(
      emit.transpose(emit.reshape(value, [filters / block, kh, kw, channels, block]), [0, 4, 3, 1, 2]),
      dims,
    );
  const pairs = pairsOf(node);
  if (intOf(node, 'per_example', 0) === 1) {
    const products = firstProducts(context, node, [inputOf(node, 0), inputOf(node, 1)], false);
    const [n = 0] = context.dims(inputOf(node, 1));
    const rows = emit.reshape(products, [n, count * filters]);
    context.exampleRows.set(outputOf(node), { rows, restore: order });
    return;
  }
  const totals = pairs.map((pair) => {
    const bias = context.consumers(pair[1]).find((other) => other.op === 'ChannelSum');
    const total = emit.sum(firstProducts(context, node, pair, bias !== undefined), [0]);
    if (bias === undefined) return total;
    const sums = emit.slice(total, [1], [count], [count + 1]);
    context.setPlain(outputOf(bias), emit.reshape(sums, [filters]));
    return emit.slice(total, [1], [0], [count]);
  });
  context.setPlain(outputOf(node), order(sumOf(emit, totals)));
}

/** Padding at the end with which the depthwise product has as many positions as the kernel; below zero where there is none. */
function depthwiseEnds(context: LowerContext, node: Node, [x, dy]: Pair): readonly [number, number] {
  const w = gradientWindow(node);
  const end = (axis: 0 | 1): number => {
    const [size = 0, outputs = 0] = [context.dims(x)[2 + axis], context.dims(dy)[2 + axis]];
    return w.kernel[axis] - 1 + (outputs - 1) * w.strides[axis] + 1 - size - w.pads[axis];
  };
  return [end(0), end(1)];
}

/** [N, C·kh·kw] */
function depthwiseRows(context: LowerContext, node: Node, pair: Pair): string {
  const { emit } = context;
  const [x, dy] = pair;
  const w = gradientWindow(node);
  const [bottom, right] = depthwiseEnds(context, node, pair);
  const [n = 0, channels = 0, height = 0, width = 0] = context.dims(x);
  const [, , oh = 0, ow = 0] = context.dims(dy);
  const product = emit.blocked(
    'Conv',
    [
      emit.reshape(context.blocked(x), [1, n * channels, height, width]),
      emit.reshape(context.blocked(dy), [n * channels, 1, oh, ow]),
    ],
    {
      kernel_shape: ints([oh, ow]),
      dilations: ints(w.strides),
      pads: ints([w.pads[0], w.pads[1], bottom, right]),
      group: int(n * channels),
    },
  );
  return emit.reshape(product, [n, channels * w.kernel[0] * w.kernel[1]]);
}

function depthwiseFilterGrad(context: LowerContext, node: Node, block: number): boolean {
  const { emit } = context;
  const dims = requiredInts(node, 'dims');
  const [channels = 0, , kh = 1, kw = 1] = dims;
  const pairs = pairsOf(node);
  const undilated = gradientWindow(node).dilations.every((size) => size === 1);
  const fits = pairs.every((pair) => depthwiseEnds(context, node, pair).every((size) => size >= 0));
  if (!undilated || !fits) return false;
  const restore = (row: string): string =>
    emit.reshape(emit.transpose(emit.reshape(row, [channels / block, kh, kw, block]), [0, 3, 1, 2]), dims);
  if (intOf(node, 'per_example', 0) === 1) {
    const rows = depthwiseRows(context, node, [inputOf(node, 0), inputOf(node, 1)]);
    context.exampleRows.set(outputOf(node), { rows, restore });
    return true;
  }
  const sums = pairs.map((pair) => {
    const [n = 0] = context.dims(pair[0]);
    return emit.op('Gemm', [emit.floats(ones(n), [1, n]), depthwiseRows(context, node, pair)]);
  });
  context.setPlain(outputOf(node), restore(sumOf(emit, sums)));
  return true;
}

export const convFilterGrad: LowerRule = (context, node) => {
  const group = intOf(node, 'group', 1);
  const form = blockedForm(context, requiredInts(node, 'dims'), group);
  if (form === undefined) return false;
  switch (form.kind) {
    case 'first':
      firstFilterGrad(context, node, form.block);
      return true;
    case 'depthwise':
      return depthwiseFilterGrad(context, node, form.block);
    case 'dense':
      if (group > 1) return false;
      denseFilterGrad(context, node);
      return true;
  }
};

/** As a product of a row of ones with the NHWC view. */
export const channelSum: LowerRule = (context, node) => {
  const { emit } = context;
  const dy = inputOf(node, 0);
  if (context.isSet(outputOf(node))) return true;
  if (!context.isBlocked(dy)) return false;
  const [n = 0, c = 0, h = 0, w = 0] = context.dims(dy);
  if (intOf(node, 'per_example', 0) === 1) {
    const rows = emit.reshape(context.nhwc(dy), [n, h * w, c]);
    const sums = emit.op('MatMul', [emit.floats(ones(h * w), [1, h * w]), rows]);
    context.setPlain(outputOf(node), emit.reshape(sums, [n, c]));
    return true;
  }
  const rows = emit.reshape(context.nhwc(dy), [n * h * w, c]);
  const sums = emit.op('Gemm', [emit.floats(ones(n * h * w), [1, n * h * w]), rows]);
  context.setPlain(outputOf(node), emit.reshape(sums, [c]));
  return true;
};
