/** Gradients of Conv in standard operators, NCHW. */
import { intOf, int, ints, requiredInts } from '../graph/attributes.ts';
import { windowOf, type Window } from '../graph/shapes.ts';
import type { Node } from '../graph/types.ts';
import { inputOf, outputOf, type LowerContext, type LowerRule } from './context.ts';
import type { Emitter } from './emitter.ts';

/** Smallest and largest row (or column) of each tap's strided slice. */
export const tapRange = (tap: number, dilation: number, count: number, stride: number): [number, number] => [
  tap * dilation,
  tap * dilation + (count - 1) * stride + 1,
];

export const taps = (w: Window): (readonly [number, number])[] =>
  Array.from({ length: w.kernel[0] * w.kernel[1] }, (_, index) => [
    Math.floor(index / w.kernel[1]),
    index % w.kernel[1],
  ]);

export const gradientWindow = (node: Node): Window => windowOf(node, []);

/** Weights [F, C/g, kh, kw] turned and transposed for the input gradient: [C, F/g, kh, kw]. */
function backwardWeights(context: LowerContext, weights: string, group: number): string {
  const { emit } = context;
  const dims = context.dims(weights);
  const [filters = 0, perGroup = 0, kh = 1, kw = 1] = dims;
  const flipped = emit.flip(context.plain(weights), dims);
  if (group === 1) return emit.transpose(flipped, [1, 0, 2, 3]);
  const split = emit.reshape(flipped, [group, filters / group, perGroup, kh, kw]);
  return emit.reshape(emit.transpose(split, [0, 2, 1, 3, 4]), [group * perGroup, filters / group, kh, kw]);
}

export const convInputGrad: LowerRule = (context, node) => {
  const { emit } = context;
  const [dy, weights] = [inputOf(node, 0), inputOf(node, 1)];
  const w = gradientWindow(node);
  const group = intOf(node, 'group', 1);
  const backPads = [0, 1, 2, 3].map(
    (side) =>
      (w.kernel[side % 2 === 0 ? 0 : 1] - 1) * w.dilations[side % 2 === 0 ? 0 : 1] - (w.pads[side] ?? 0),
  );
  const simple = w.strides[0] === 1 && w.strides[1] === 1 && backPads.every((size) => size >= 0);
  if (simple) {
    const attributes = {
      kernel_shape: ints(w.kernel),
      dilations: ints(w.dilations),
      pads: ints(backPads),
      group: int(group),
    };
    const value = emit.op('Conv', [context.plain(dy), backwardWeights(context, weights, group)], attributes);
    context.setPlain(outputOf(node), value);
    return true;
  }
  const dims = requiredInts(node, 'dims');
  const sizes = context.dims(dy);
  const rest = ([0, 1] as const).map((axis) => {
    const reach = (w.kernel[axis] - 1) * w.dilations[axis] + 1;
    const total = w.pads[axis] + (axis === 0 ? w.pads[2] : w.pads[3]);
    return (dims[2 + axis] ?? 0) - (((sizes[2 + axis] ?? 0) - 1) * w.strides[axis] - total + reach);
  });
  const value = emit.op('ConvTranspose', [context.plain(dy), context.plain(weights)], {
    kernel_shape: ints(w.kernel),
    strides: ints(w.strides),
    dilations: ints(w.dilations),
    pads: ints(w.pads),
    output_padding: ints(rest),
    group: int(group),
  });
  context.setPlain(outputOf(node), value);
  return true;
};

/** Every tap's shifted input side by side: [N, taps·C, OH·OW], tap-major. */
function columns(context: LowerContext, x: string, outputDims: readonly number[], w: Window): string {
  const { emit } = context;
  const [n = 0, c = 0] = context.dims(x);
  const [, , oh = 0, ow = 0] = outputDims;
  const [top, left, bottom, right] = w.pads;
  const padded = emit.pad(context.plain(x), [0, 0, top, left, 0, 0, bottom, right]);
  const slices = taps(w).map(([ky, kx]) => {
    const [y0, y1] = tapRange(ky, w.dilations[0], oh, w.strides[0]);
    const [x0, x1] = tapRange(kx, w.dilations[1], ow, w.strides[1]);
    return emit.slice(padded, [2, 3], [y0, x0], [y1, x1], w.strides);
  });
  return emit.reshape(emit.concat(slices, 1), [n, slices.length * c, oh * ow]);
}

/** The (x, dy) pairs of a ConvFilterGrad. */
export const pairsOf = (node: Node): readonly (readonly [string, string])[] =>
  Array.from({ length: node.inputs.length / 2 }, (_, pair) => [
    inputOf(node, 2 * pair),
    inputOf(node, 2 * pair + 1),
  ]);

/** One value, or the sum of several. */
export const sumOf = (emit: Emitter, values: readonly string[]): string => {
  const [only] = values;
  return values.length === 1 && only !== undefined ? only : emit.op('Sum', values);
};

/** Products of every example's columns with its output gradient, [N, g, taps·C/g, F/g]. */
function filterProducts(context: LowerContext, node: Node, [x, dy]: readonly [string, string]): string {
  const { emit } = context;
  const w = gradientWindow(node);
  const group = intOf(node, 'group', 1);
  const [filters = 0, perGroup = 0] = requiredInts(node, 'dims');
  const [n = 0, , oh = 0, ow = 0] = context.dims(dy);
  const count = w.kernel[0] * w.kernel[1];
  const positions = oh * ow;
  const flat = columns(context, x, context.dims(dy), w);
  const left =
    group === 1
      ? emit.reshape(flat, [n, 1, count * perGroup, positions])
      : emit.reshape(
          emit.transpose(emit.reshape(flat, [n, count, group, perGroup, positions]), [0, 2, 1, 3, 4]),
          [n, group, count * perGroup, positions],
        );
  const right = emit.transpose(
    emit.reshape(context.plain(dy), [n, group, filters / group, positions]),
    [0, 1, 3, 2],
  );
  return emit.op('MatMul', [left, right]);
}

export const convFilterGrad: LowerRule = (context, node) => {
  const { emit } = context;
  const w = gradientWindow(node);
  const group = intOf(node, 'group', 1);
  const dims = requiredInts(node, 'dims');
  const [filters = 0, perGroup = 0] = dims;
  const shape = [group, w.kernel[0], w.kernel[1], perGroup, filters / group];
  const restore = (value: string): string =>
    emit.reshape(emit.transpose(emit.reshape(value, shape), [0, 4, 3, 1, 2]), dims);
  const products = pairsOf(node).map((pair) => filterProducts(context, node, pair));
  if (intOf(node, 'per_example', 0) === 1) {
    const [n = 0] = context.dims(inputOf(node, 0));
    const rows = emit.reshape(products[0] ?? '', [n, dims.reduce((a, b) => a * b, 1)]);
    context.exampleRows.set(outputOf(node), { rows, restore });
    return true;
  }
  const total = sumOf(
    emit,
    products.map((product) => emit.sum(product, [0])),
  );
  context.setPlain(outputOf(node), restore(total));
  return true;
};

export const channelSum: LowerRule = (context, node) => {
  const axes = intOf(node, 'per_example', 0) === 1 ? [2, 3] : [0, 2, 3];
  context.setPlain(outputOf(node), context.emit.sum(context.plain(inputOf(node, 0)), axes));
  return true;
};
