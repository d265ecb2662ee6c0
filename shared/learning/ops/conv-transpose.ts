/**
 * ConvTranspose (ONNX ConvTranspose-11, two spatial dimensions, explicit padding): the input gradient of the convolution
 * with the same weights [C, F/group, kh, kw]. So its own input gradient is that convolution, and its weights' gradient is
 * the convolution's with the roles of the two images exchanged.
 */
import type * as tf from '@tensorflow/tfjs';
import { GraphError } from '../../errors.ts';
import { describeNode, int, intOf, ints, intsOf, textOf } from '../graph/attributes.ts';
import { float32, requireRank, sameDims, showDims, windowOf, type Window } from '../graph/shapes.ts';
import type { Attributes, Node, TensorType } from '../graph/types.ts';
import type { GradientContext, Operator, ShapeContext, TensorFlowContext } from './operator.ts';

function transposedWindow(node: Node, input: readonly number[], weights: readonly number[]): Window {
  if (textOf(node, 'auto_pad', 'NOTSET') !== 'NOTSET' || intsOf(node, 'output_shape') !== undefined)
    throw new GraphError(`${describeNode(node)} must give its padding by "pads".`);
  return windowOf(node, input, weights.slice(2));
}

function outputSizes(node: Node, input: readonly number[], w: Window): [number, number] {
  const extra = intsOf(node, 'output_padding') ?? [0, 0];
  const along = (axis: 0 | 1): number => {
    const reach = (w.kernel[axis] - 1) * w.dilations[axis] + 1;
    const pads = w.pads[axis] + (axis === 0 ? w.pads[2] : w.pads[3]);
    const more = extra[axis] ?? 0;
    if (more < 0 || more >= Math.max(w.strides[axis], w.dilations[axis]))
      throw new GraphError(`"output_padding" of ${describeNode(node)} must be smaller than its stride.`);
    return ((input[2 + axis] ?? 0) - 1) * w.strides[axis] + reach - pads + more;
  };
  const sizes: [number, number] = [along(0), along(1)];
  if (sizes.some((size) => size < 1)) throw new GraphError(`${describeNode(node)} pads everything away.`);
  return sizes;
}

function infer(context: ShapeContext): readonly TensorType[] {
  const { node } = context;
  const input = requireRank(node, context.input(0), 4);
  const weights = requireRank(node, context.input(1), 4);
  const group = intOf(node, 'group', 1);
  const filters = (weights[1] ?? 0) * group;
  if (group < 1 || weights[0] !== input[1] || (input[1] ?? 0) % group !== 0)
    throw new GraphError(
      `${describeNode(node)}: weights ${showDims(weights)} in ${String(group)} groups do not fit ${showDims(input)}.`,
    );
  const bias = context.inputs[2];
  if (bias && !sameDims(bias.dims, [filters]))
    throw new GraphError(`${describeNode(node)}: the bias must have ${String(filters)} values.`);
  const w = transposedWindow(node, input, weights);
  return [float32([input[0] ?? 0, filters, ...outputSizes(node, input, w)])];
}

function gradient(context: GradientContext): readonly (string | undefined)[] {
  const { build, node, outputGradient: dy } = context;
  const [x, weights] = [context.input(0), context.input(1)];
  const w = transposedWindow(node, context.type(x).dims, context.type(weights).dims);
  const attributes: Attributes = {
    kernel_shape: ints(w.kernel),
    strides: ints(w.strides),
    dilations: ints(w.dilations),
    pads: ints(w.pads),
    group: int(intOf(node, 'group', 1)),
  };
  const dims = ints(context.type(weights).dims);
  return [
    context.needs(0) ? build.op('Conv', [dy, weights], attributes) : undefined,
    context.needs(1) ? build.own('ConvFilterGrad', [dy, x], { ...attributes, dims })[0] : undefined,
    context.needs(2) ? build.own('ChannelSum', [dy])[0] : undefined,
  ];
}

/** In equal parts; TensorFlow.js does not differentiate a split into one. */
const splitInto = (lib: typeof tf, value: tf.Tensor4D, count: number, axis: number): tf.Tensor4D[] =>
  count === 1 ? [value] : lib.split<tf.Tensor4D>(value, count, axis);

/** Weights [C, F, kh, kw] as [kh, kw, F, C], with zeros between the taps where there is dilation. */
function kernels(context: TensorFlowContext, weights: tf.Tensor4D, w: Window): tf.Tensor4D {
  const { tf: lib } = context;
  let value: tf.Tensor4D = lib.transpose(weights, [2, 3, 1, 0]);
  for (const axis of [0, 1] as const) {
    const [dilation, taps] = [w.dilations[axis], w.kernel[axis]];
    if (dilation === 1) continue;
    const parts = splitInto(lib, value, taps, axis);
    const gap = lib.zeros(parts[0]?.shape.map((size, a) => (a === axis ? dilation - 1 : size)) ?? []);
    value = lib.concat(
      parts.flatMap((part, tap) => (tap === 0 ? [part] : [gap as tf.Tensor4D, part])), // of rank 4 by its shape
      axis,
    );
  }
  return value;
}

/** The whole transposed convolution, of which the padding cuts the border off. */
function tensorflow(context: TensorFlowContext): readonly tf.Tensor[] {
  const { tf: lib, node } = context;
  const input = context.type(node.inputs[0] ?? '').dims;
  const [, filters = 0, height = 0, width = 0] = context.type(node.outputs[0] ?? '').dims;
  const weights = context.plain(1) as tf.Tensor4D; // the shape rule has checked the rank
  const w = transposedWindow(node, input, weights.shape);
  const group = intOf(node, 'group', 1);
  const full = ([0, 1] as const).map(
    (axis) => ((input[2 + axis] ?? 0) - 1) * w.strides[axis] + (w.kernel[axis] - 1) * w.dilations[axis] + 1,
  );
  const strides: [number, number] = [...w.strides];
  const images = splitInto(lib, context.image(0), group, 3);
  const parts = splitInto(lib, weights, group, 0).map((part, index) => {
    const image = images[index] ?? context.image(0);
    const shape: [number, number, number, number] = [
      image.shape[0],
      full[0] ?? 0,
      full[1] ?? 0,
      filters / group,
    ];
    return lib.conv2dTranspose(image, kernels(context, part, w), shape, strides, 'valid');
  });
  // With output padding the result reaches beyond what any tap writes.
  const more = [height, width].map((size, axis) =>
    Math.max(0, size + (w.pads[axis] ?? 0) - (full[axis] ?? 0)),
  );
  const padded = lib.pad(lib.concat(parts, 3), [
    [0, 0],
    [0, more[0] ?? 0],
    [0, more[1] ?? 0],
    [0, 0],
  ]);
  const cut = lib.slice(padded, [0, w.pads[0], w.pads[1], 0], [-1, height, width, -1]);
  return [context.has(2) ? lib.add(cut, context.plain(2)) : cut];
}

export const convTranspose: Operator = {
  domain: '',
  op: 'ConvTranspose',
  inputCount: { min: 2, max: 3 },
  infer,
  gradient,
  tensorflow,
};
