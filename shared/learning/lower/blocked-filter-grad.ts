/**
 * Filter and bias gradients from blocked values. The filter gradient is a convolution whose kernel is the output gradient,
 * the batch folded into the groups, in the depthwise form as in the others. Where that kernel has few positions, each
 * example's result would be larger than the work behind it: there it is one matrix product a tap over the NHWC views of
 * the whole batch, without ever building the columns.
 */
import { int, intOf, ints, requiredInts } from '../graph/attributes.ts';
import type { Node } from '../graph/types.ts';
import { blockedForm } from './blocked-conv.ts';
import { inputOf, outputOf, type LowerContext, type LowerRule } from './context.ts';
import {
  exampleFilterRows,
  hasGradientKernel,
  restoreFilters,
  summedFilterRow,
  type Pair,
} from './gradient-kernel.ts';
import { gradientWindow, pairsOf, sumOf, tapRange, taps } from './standard-conv.ts';

/** Positions of an output gradient below which products over the whole batch are faster (measured: at 4, not at 16). */
const FEW_POSITIONS = 16;

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

/** The sum over pairs runs through the third input of Gemm, one chain a tap. */
function tapProducts(context: LowerContext, node: Node): string {
  const { emit } = context;
  const [filters = 0, channels = 0, kh = 1, kw = 1] = requiredInts(node, 'dims');
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
  return emit.transpose(emit.reshape(emit.concat(sums, 0), [kh, kw, channels, filters]), [3, 2, 0, 1]);
}

function filterGrad(context: LowerContext, node: Node, block: number): boolean {
  const { emit } = context;
  const pair: Pair = [inputOf(node, 0), inputOf(node, 1)];
  const restore = (row: string): string => restoreFilters(emit, node, row, block);
  if (intOf(node, 'per_example', 0) === 1) {
    if (!hasGradientKernel(node)) return false;
    context.exampleRows.set(outputOf(node), { rows: exampleFilterRows(context, node, pair, block), restore });
    return true;
  }
  const [, , height = 1, width = 1] = context.dims(pair[1]);
  const few = height * width < FEW_POSITIONS && (requiredInts(node, 'dims')[1] ?? 0) >= block;
  const value =
    few || !hasGradientKernel(node)
      ? tapProducts(context, node)
      : restore(summedFilterRow(context, node, block));
  context.setPlain(outputOf(node), value);
  return true;
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
    case 'depthwise':
      return depthwiseFilterGrad(context, node, form.block);
    case 'first':
    case 'dense':
      return group === 1 && filterGrad(context, node, form.block);
  }
};

/** Means of the positions, then a weighted sum of the examples. */
export const channelSum: LowerRule = (context, node) => {
  const { emit } = context;
  const dy = inputOf(node, 0);
  if (!context.isBlocked(dy)) return false;
  const [n = 0, c = 0, h = 0, w = 0] = context.dims(dy);
  const means = emit.reshape(emit.blocked('GlobalAveragePool', [context.blocked(dy)]), [n, c]);
  const perExample = intOf(node, 'per_example', 0) === 1;
  const sums = perExample
    ? emit.op('Mul', [means, emit.scalar(h * w)])
    : emit.op('Gemm', [emit.floats(new Float32Array(n).fill(h * w), [1, n]), means]);
  context.setPlain(outputOf(node), emit.reshape(sums, perExample ? [n, c] : [c]));
  return true;
};
