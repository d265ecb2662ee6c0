/**
 * Filter and bias gradients from blocked values. The dense form is one matrix product a kernel tap over the NHWC view,
 * without ever building the columns; the first layer multiplies its few columns with the blocked gradient directly; the
 * depthwise form is a depthwise convolution whose kernel is the output gradient, the batch folded into the channels.
 */
import { int, intOf, ints, requiredInts } from '../graph/attributes.ts';
import type { Node } from '../graph/types.ts';
import { blockedForm } from './blocked-conv.ts';
import { inputOf, outputOf, type LowerContext, type LowerRule } from './context.ts';
import { columns, gradientWindow, tapRange, taps } from './standard-conv.ts';

const ones = (count: number): Float32Array => new Float32Array(count).fill(1);

/** The input in NHWC, padded, one slice a tap: [N·OH·OW, C]. */
function tapSlices(context: LowerContext, node: Node): string[] {
  const { emit } = context;
  const x = inputOf(node, 0);
  const w = gradientWindow(node);
  const [n = 0, c = 0, height = 0, width = 0] = context.dims(x);
  const [, , oh = 0, ow = 0] = context.dims(inputOf(node, 1));
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
  const dy = inputOf(node, 1);
  const dims = requiredInts(node, 'dims');
  const [filters = 0, channels = 0, kh = 1, kw = 1] = dims;
  const [n = 0, , oh = 0, ow = 0] = context.dims(dy);
  const slices = tapSlices(context, node);
  const order = (value: string): string =>
    emit.transpose(emit.reshape(value, [kh, kw, channels, filters]), [3, 2, 0, 1]);
  if (intOf(node, 'per_example', 0) === 1) {
    const stacked = emit.concat(
      slices.map((slice) => emit.reshape(slice, [n, oh * ow, channels])),
      2,
    );
    const gradient = emit.reshape(context.nhwc(dy), [n, oh * ow, filters]);
    const product = emit.op('FusedMatMul', [stacked, gradient], { transA: int(1) }, 'com.microsoft');
    const rows = emit.reshape(product, [n, kh * kw * channels * filters]);
    context.exampleRows.set(outputOf(node), { rows, restore: order });
    return;
  }
  const gradient = emit.reshape(context.nhwc(dy), [n * oh * ow, filters]);
  const products = slices.map((slice) => emit.op('Gemm', [slice, gradient], { transA: int(1) }));
  context.setPlain(outputOf(node), order(emit.concat(products, 0)));
}

/** The bias gradient comes out of the same product, through a plane of ones beside the columns. */
function firstFilterGrad(context: LowerContext, node: Node, block: number): void {
  const { emit } = context;
  const [x, dy] = [inputOf(node, 0), inputOf(node, 1)];
  const w = gradientWindow(node);
  const dims = requiredInts(node, 'dims');
  const [filters = 0, channels = 0, kh = 1, kw = 1] = dims;
  const [n = 0, , oh = 0, ow = 0] = context.dims(dy);
  const perExample = intOf(node, 'per_example', 0) === 1;
  const bias = context.consumers(dy).find((other) => other.op === 'ChannelSum');
  const count = kh * kw * channels;
  const cols = columns(context, x, context.dims(dy), w);
  const withOnes =
    bias && !perExample ? emit.concat([cols, emit.floats(ones(n * oh * ow), [n, 1, oh * ow])], 1) : cols;
  const height = bias && !perExample ? count + 1 : count;
  const left = emit.reshape(withOnes, [n, 1, height, oh * ow]);
  const right = emit.reshape(context.blocked(dy), [n, filters / block, oh * ow, block]);
  const products = emit.op('MatMul', [left, right]);
  const order = (value: string): string =>
    emit.reshape(
      emit.transpose(emit.reshape(value, [filters / block, kh, kw, channels, block]), [0, 4, 3, 1, 2]),
      dims,
    );
  if (perExample) {
    context.exampleRows.set(outputOf(node), {
      rows: emit.reshape(products, [n, count * filters]),
      restore: order,
    });
    return;
  }
  const total = emit.sum(products, [0]);
  if (bias) {
    context.setPlain(outputOf(bias), emit.reshape(emit.slice(total, [1], [count], [count + 1]), [filters]));
    context.setPlain(outputOf(node), order(emit.slice(total, [1], [0], [count])));
  } else context.setPlain(outputOf(node), order(total));
}

function depthwiseFilterGrad(context: LowerContext, node: Node, block: number): boolean {
  const { emit } = context;
  const [x, dy] = [inputOf(node, 0), inputOf(node, 1)];
  const w = gradientWindow(node);
  const dims = requiredInts(node, 'dims');
  const [channels = 0, , kh = 1, kw = 1] = dims;
  const [n = 0, , height = 0, width = 0] = context.dims(x);
  const [, , oh = 0, ow = 0] = context.dims(dy);
  const end = (size: number, axis: 0 | 1, outputs: number): number =>
    w.kernel[axis] - 1 + (outputs - 1) * w.strides[axis] + 1 - size - w.pads[axis];
  const [bottom, right] = [end(height, 0, oh), end(width, 1, ow)];
  if (bottom < 0 || right < 0 || w.dilations.some((size) => size !== 1)) return false;
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
  const rows = emit.reshape(product, [n, channels * kh * kw]);
  const restore = (row: string): string =>
    emit.reshape(emit.transpose(emit.reshape(row, [channels / block, kh, kw, block]), [0, 3, 1, 2]), dims);
  if (intOf(node, 'per_example', 0) === 1) context.exampleRows.set(outputOf(node), { rows, restore });
  else context.setPlain(outputOf(node), restore(emit.op('Gemm', [emit.floats(ones(n), [1, n]), rows])));
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
