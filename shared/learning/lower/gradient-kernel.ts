/**
 * The filter gradient of a convolution as a convolution: the input slides under the output gradient. The gradient of one
 * example lies in memory exactly as the kernels of a blocked convolution of one channel do, [F/b, 1, OH, OW, b], so that
 * nothing is packed or copied; the input in NHWC is that one channel, W·C wide, and a step to the next pixel a dilation by
 * C. Every tap and channel is then one position of the output, [F/b, kh, kw·C, b], and every example one group.
 */
import { int, ints, requiredInts } from '../graph/attributes.ts';
import type { Node } from '../graph/types.ts';
import type { LowerContext } from './context.ts';
import type { Emitter } from './emitter.ts';
import { gradientWindow, pairsOf } from './standard-conv.ts';

export type Pair = readonly [x: string, dy: string];

/**
 * Each example's gradient is a result of its own before they are added up. Measured: more of them than this at a time
 * leave the core's cache.
 */
const GRADIENT_BYTES = 2 * 2 ** 20;

/** The convolution computes the taps between those of a wider dilation as well. */
export const hasGradientKernel = (node: Node): boolean => gradientWindow(node).dilations[1] === 1;

/** The input as one plane an example, [1, N, H, W'·C], with all of the padding that is not left to the convolution. */
interface PixelRows {
  readonly rows: string;
  readonly pads: readonly [top: number, left: number, bottom: number, right: number];
}

/** Rows are padded or cut so that the output gradient fits into them as many times as the filter is wide. */
function pixelRows(context: LowerContext, node: Node, [x, dy]: Pair): PixelRows {
  const { emit } = context;
  const w = gradientWindow(node);
  const [n = 0, c = 0, height = 0, width = 0] = context.dims(x);
  const [, , oh = 0, ow = 0] = context.dims(dy);
  const [top, left] = w.pads;
  const after = (axis: 0 | 1, size: number, outputs: number): number =>
    (outputs - 1) * w.strides[axis] + (w.kernel[axis] - 1) * w.dilations[axis] + 1 - size - w.pads[axis];
  const [bottom, right] = [after(0, height, oh), after(1, width, ow)];
  const cut = Math.min(bottom, 0);
  const rows = context.once(`pixel-rows ${x} ${String([left, right, cut])}`, () => {
    const lines = emit.reshape(context.nhwc(x), [n, height, width * c]);
    const padded = emit.pad(lines, [0, 0, left * c, 0, cut, right * c]);
    return emit.reshape(padded, [1, n, height + cut, (left + width + right) * c]);
  });
  return { rows, pads: [top, 0, bottom - cut, 0] };
}

/** Examples `start` to `end` of a pair; `before`, of the same shape, is added. [1, (end − start)·F, kh, kw·C] blocked. */
function slide(
  context: LowerContext,
  node: Node,
  pair: Pair,
  [start, end]: readonly [number, number],
  before?: string,
): string {
  const { emit } = context;
  const w = gradientWindow(node);
  const [n = 0, c = 0] = context.dims(pair[0]);
  const [, filters = 0, oh = 0, ow = 0] = context.dims(pair[1]);
  const { rows, pads } = pixelRows(context, node, pair);
  const kernels = emit.reshape(context.blocked(pair[1]), [n * filters, 1, oh, ow]);
  const whole = start === 0 && end === n;
  const inputs = [
    whole ? rows : emit.slice(rows, [1], [start], [end]),
    whole ? kernels : emit.slice(kernels, [0], [start * filters], [end * filters]),
    ...(before === undefined ? [] : ['', before]),
  ];
  return emit.blocked('Conv', inputs, {
    kernel_shape: ints([oh, ow]),
    dilations: ints([w.strides[0], w.strides[1] * c]),
    strides: ints([w.dilations[0], 1]),
    pads: ints(pads),
    group: int(end - start),
  });
}

const valuesOf = (node: Node): number =>
  requiredInts(node, 'dims').reduce((product, size) => product * size, 1);

/**
 * Bounds of the examples that one convolution takes, at most `most` of them: the blocked kernels have either fewer
 * channels than a block or whole blocks, and here every example is a channel.
 */
function portions(count: number, most: number, block: number): (readonly [start: number, end: number])[] {
  const result: [number, number][] = [];
  for (let start = 0; start < count;) {
    const size = Math.min(most, count - start);
    const end = start + (size < block ? size : size - (size % block));
    result.push([start, end]);
    start = end;
  }
  return result;
}

/** Every example's gradient, [N, values], in the order that `restoreFilters` takes. */
export function exampleFilterRows(context: LowerContext, node: Node, pair: Pair, block: number): string {
  const { emit } = context;
  const [n = 0] = context.dims(pair[0]);
  const values = valuesOf(node);
  const rows = portions(n, n, block).map(([start, end]) =>
    emit.reshape(slide(context, node, pair, [start, end]), [end - start, values]),
  );
  return emit.concat(rows, 0);
}

/** Sum over all examples of all pairs, [1, values], in the order that `restoreFilters` takes. */
export function summedFilterRow(context: LowerContext, node: Node, block: number): string {
  const values = valuesOf(node);
  const most = 2 ** Math.floor(Math.log2(Math.max(GRADIENT_BYTES / (4 * values), 1)));
  // Examples at a time → their gradients so far: the convolution adds to what it is given.
  const sums = new Map<number, string>();
  for (const pair of pairsOf(node)) {
    const [n = 0] = context.dims(pair[0]);
    for (const [start, end] of portions(n, most, block))
      sums.set(end - start, slide(context, node, pair, [start, end], sums.get(end - start)));
  }
  let total: string | undefined;
  for (const [count, sum] of sums) total = addRows(context.emit, sum, [count, values], total);
  return total ?? '';
}

/** The sum of `count` rows and of the one before, [1, values]. */
function addRows(
  emit: Emitter,
  rows: string,
  [count, values]: readonly [number, number],
  before?: string,
): string {
  const ones = emit.floats(new Float32Array(count).fill(1), [1, count]);
  const matrix = emit.reshape(rows, [count, values]);
  return emit.op('Gemm', [ones, matrix, ...(before === undefined ? [] : [before])]);
}

/** One row to the parameter's own order, [F, C, kh, kw]. */
export function restoreFilters(emit: Emitter, node: Node, row: string, block: number): string {
  const dims = requiredInts(node, 'dims');
  const [filters = 0, channels = 0, kh = 1, kw = 1] = dims;
  const view = emit.reshape(row, [filters / block, kh, kw, channels, block]);
  return emit.reshape(emit.transpose(view, [0, 4, 3, 1, 2]), dims);
}
