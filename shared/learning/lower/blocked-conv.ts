/**
 * Conv and its gradients on ONNX Runtime's blocked CPU kernels (domain com.microsoft.nchwc, documented as internal:
 * used only where a start-up probe finds the block size and a self-check agrees with the standard graph).
 * Activations are physically [N, C/b, H, W, b]; weights [F/b, C/b, kh, kw, b(in), b(out)], with fewer input channels than
 * a block [F/b, C, kh, kw, b], depthwise [C/b, kh, kw, b].
 */
import { int, intOf, ints, requiredInts, text } from '../graph/attributes.ts';
import { windowOf, type Window } from '../graph/shapes.ts';
import type { Attributes, Node } from '../graph/types.ts';
import { inputOf, outputOf, type LowerContext, type LowerRule } from './context.ts';
import { gradientWindow } from './standard-conv.ts';

type Kind = 'dense' | 'first' | 'depthwise';

interface Form {
  readonly kind: Kind;
  readonly block: number;
  readonly group: number;
}

/** Which blocked form a convolution has; undefined where it has none. */
export function blockedForm(
  context: LowerContext,
  weights: readonly number[],
  group: number,
): Form | undefined {
  const { blockSize } = context.target;
  const [filters = 0, perGroup = 0] = weights;
  if (blockSize === undefined || filters % blockSize !== 0) return undefined;
  const form = (kind: Kind): Form => ({ kind, block: blockSize, group });
  if (group === 1 && perGroup < blockSize) return form('first');
  if (group > 1 && perGroup === 1 && filters === group) return form('depthwise');
  const divisible = perGroup % blockSize === 0 && (filters / group) % blockSize === 0;
  return divisible ? form('dense') : undefined;
}

/** Weights in the order that the blocked kernels read. */
function forwardWeights(context: LowerContext, weights: string, form: Form): string {
  return context.once(`forward-weights ${weights}`, () => {
    const { emit } = context;
    const dims = context.dims(weights);
    const [filters = 0, perGroup = 0, kh = 1, kw = 1] = dims;
    const b = form.block;
    const plain = context.plain(weights);
    const order = (shape: readonly number[], perm: readonly number[]): string =>
      emit.reshape(emit.transpose(emit.reshape(plain, shape), perm), dims);
    switch (form.kind) {
      case 'first':
        return order([filters / b, b, perGroup, kh, kw], [0, 2, 3, 4, 1]);
      case 'depthwise':
        return order([filters / b, b, kh, kw], [0, 2, 3, 1]);
      case 'dense':
        return order([filters / b, b, perGroup / b, b, kh, kw], [0, 2, 4, 5, 3, 1]);
    }
  });
}

const windowAttributes = (w: Window, group: number): Attributes => ({
  kernel_shape: ints(w.kernel),
  strides: ints(w.strides),
  dilations: ints(w.dilations),
  pads: ints(w.pads),
  group: int(group),
});

/** With the ReLU behind it fused where nothing else sees the value between. */
export const conv: LowerRule = (context, node) => {
  const [x, weights, bias = ''] = [inputOf(node, 0), inputOf(node, 1), node.inputs[2]];
  const group = intOf(node, 'group', 1);
  const form = blockedForm(context, context.dims(weights), group);
  if (form === undefined) return false;
  const w = windowOf(node, context.dims(x), context.dims(weights).slice(2));
  const input = form.kind === 'first' ? context.plain(x) : context.blocked(x);
  const relu = context.soleConsumer(outputOf(node), 'Relu');
  const value = context.emit.blocked(
    'Conv',
    [input, forwardWeights(context, weights, form), ...(bias === '' ? [] : [context.plain(bias)])],
    { ...windowAttributes(w, group), ...(relu ? { activation: text('Relu') } : {}) },
  );
  context.setBlocked(relu ? outputOf(relu) : outputOf(node), value);
  return true;
};

/** Rows `ys` and columns `xs` of the weights, transposed for the input gradient, in blocked order. */
function backwardWeights(
  context: LowerContext,
  weights: string,
  form: Form,
  ys: readonly number[],
  xs: readonly number[],
): string {
  const { emit } = context;
  const dims = context.dims(weights);
  const [filters = 0, channels = 0, kh = 1, kw = 1] = dims;
  const b = form.block;
  const whole = ys.length === kh && xs.length === kw;
  const gather = (value: string, list: readonly number[], axis: number): string =>
    emit.op('Gather', [value, emit.ints(list)], { axis: int(axis) });
  const picked = whole
    ? emit.flip(context.plain(weights), dims)
    : gather(gather(context.plain(weights), ys, 2), xs, 3);
  const size = [ys.length, xs.length];
  if (form.kind === 'depthwise') {
    const view = emit.reshape(picked, [filters / b, b, ...size]);
    return emit.reshape(emit.transpose(view, [0, 2, 3, 1]), [filters, 1, ...size]);
  }
  const view = emit.reshape(picked, [filters / b, b, channels / b, b, ...size]);
  return emit.reshape(emit.transpose(view, [2, 0, 4, 5, 1, 3]), [channels, filters, ...size]);
}

/** One phase of a strided input gradient along one axis: the kernel taps that reach it and the padding. */
interface Phase {
  readonly taps: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/**
 * Input positions i with (i + pad) ≡ r (mod stride) receive only the taps t ≡ r, as an ordinary convolution of the
 * output gradient. The phases of one axis, for the input rounded up to a multiple of the stride.
 */
function phases(axis: 0 | 1, w: Window, size: number, outputs: number): readonly Phase[] | undefined {
  const [stride, pad, kernel] = [w.strides[axis], w.pads[axis], w.kernel[axis]];
  const positions = Math.ceil(size / stride);
  const result: Phase[] = [];
  for (let offset = 0; offset < stride; offset++) {
    const remainder = (offset + pad) % stride;
    const first = (offset + pad - remainder) / stride;
    const count = Math.max(0, Math.ceil((kernel - remainder) / stride));
    const list = Array.from({ length: count }, (_, m) => remainder + stride * m).reverse();
    const begin = count - 1 - first;
    const end = first + positions - 1 - (outputs - 1);
    if (count > 0 && (begin < 0 || end < 0)) return undefined;
    result.push({ taps: list, begin, end });
  }
  return result;
}

/** Strided input gradient: one convolution a phase, then the phases interleaved. */
function stridedInputGrad(context: LowerContext, node: Node, form: Form): string | undefined {
  const { emit } = context;
  const [dy, weights] = [inputOf(node, 0), inputOf(node, 1)];
  const w = gradientWindow(node);
  const [n = 0, c = 0, height = 0, width = 0] = requiredInts(node, 'dims');
  const [, , oh = 0, ow = 0] = context.dims(dy);
  const [rows, columns] = [phases(0, w, height, oh), phases(1, w, width, ow)];
  if (rows === undefined || columns === undefined) return undefined;
  const b = form.block;
  const [h, v] = [Math.ceil(height / w.strides[0]), Math.ceil(width / w.strides[1])];
  const nothing = (): string =>
    context.once(`zeros ${String([n, c, h, v])}`, () =>
      emit.op('Expand', [emit.scalar(0), emit.ints([n, c, h, v])]),
    );
  const plane = (row: Phase, column: Phase): string => {
    if (row.taps.length === 0 || column.taps.length === 0) return nothing();
    const kernel = [row.taps.length, column.taps.length];
    const weight = backwardWeights(context, weights, form, row.taps, column.taps);
    return emit.blocked('Conv', [context.blocked(dy), weight], {
      kernel_shape: ints(kernel),
      pads: ints([row.begin, column.begin, row.end, column.end]),
      group: int(form.group),
    });
  };
  const blocks = (n * c) / b;
  const lines = rows.map((row) => {
    const cells = columns.map((column) => emit.reshape(plane(row, column), [blocks * h * v, 1, b]));
    return emit.reshape(emit.concat(cells, 1), [blocks * h, 1, v * w.strides[1] * b]);
  });
  const full = [h * w.strides[0], v * w.strides[1]];
  const joined = emit.concat(lines, 1);
  if (full[0] === height && full[1] === width) return emit.reshape(joined, [n, c, height, width]);
  const view = emit.reshape(joined, [blocks, ...full, b]);
  return emit.reshape(emit.slice(view, [1, 2], [0, 0], [height, width]), [n, c, height, width]);
}

export const convInputGrad: LowerRule = (context, node) => {
  const [dy, weights] = [inputOf(node, 0), inputOf(node, 1)];
  const w = gradientWindow(node);
  const group = intOf(node, 'group', 1);
  const form = blockedForm(context, context.dims(weights), group);
  if (form === undefined || form.kind === 'first' || (form.kind === 'dense' && group > 1)) return false;
  const undilated = w.dilations[0] === 1 && w.dilations[1] === 1;
  if (!undilated) return false;
  if (w.strides[0] > 1 || w.strides[1] > 1) {
    const value = stridedInputGrad(context, node, form);
    if (value === undefined) return false;
    context.setBlocked(outputOf(node), value);
    return true;
  }
  const pads = [0, 1, 2, 3].map((side) => w.kernel[side % 2 === 0 ? 0 : 1] - 1 - (w.pads[side] ?? 0));
  if (pads.some((size) => size < 0)) return false;
  const all = (count: number): number[] => Array.from({ length: count }, (_, tap) => count - 1 - tap);
  const weight = context.once(`backward-weights ${weights}`, () =>
    backwardWeights(context, weights, form, all(w.kernel[0]), all(w.kernel[1])),
  );
  const value = context.emit.blocked('Conv', [context.blocked(dy), weight], {
    kernel_shape: ints(w.kernel),
    pads: ints(pads),
    group: int(group),
  });
  context.setBlocked(outputOf(node), value);
  return true;
};
