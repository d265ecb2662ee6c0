/**
 * Conv (ONNX Conv-11, two spatial dimensions): any group, stride, padding and dilation. Depthwise is group = channels.
 * Gradients are operators of their own, because each runtime has another fastest form of them.
 */
import type * as tf from '@tensorflow/tfjs';
import { GraphError } from '../../errors.ts';
import { describeNode, int, intOf, ints, requiredInts } from '../graph/attributes.ts';
import { float32, requireRank, showDims, windowOf, windowOutput } from '../graph/shapes.ts';
import type { Attributes, Node, TensorType } from '../graph/types.ts';
import type { GradientContext, Operator, ShapeContext, TensorFlowContext } from './operator.ts';
import { validWindows, type ValidWindows } from './tensorflow-rules.ts';

function inferConv(context: ShapeContext): readonly TensorType[] {
  const { node } = context;
  const input = requireRank(node, context.input(0), 4);
  const weights = requireRank(node, context.input(1), 4);
  const [batch = 0, channels = 0] = input;
  const [filters = 0, perGroup = 0, ...kernel] = weights;
  const group = intOf(node, 'group', 1);
  if (group < 1 || perGroup * group !== channels || filters % group !== 0) {
    throw new GraphError(
      `${describeNode(node)}: weights ${showDims(weights)} in ${String(group)} groups do not fit ${showDims(input)}.`,
    );
  }
  const bias = context.inputs[2];
  if (bias && (bias.dims.length !== 1 || bias.dims[0] !== filters)) {
    throw new GraphError(`${describeNode(node)}: the bias must have ${String(filters)} values.`);
  }
  return [float32([batch, filters, ...windowOutput(node, input, windowOf(node, input, kernel))])];
}

/** Attributes of the gradient operators: the window written out, and the dimensions of what they return. */
function windowAttributes(context: GradientContext, dims: readonly number[]): Attributes {
  const { node } = context;
  const kernel = context.type(context.input(1)).dims.slice(2);
  const w = windowOf(node, context.type(context.input(0)).dims, kernel);
  return {
    kernel_shape: ints(w.kernel),
    strides: ints(w.strides),
    dilations: ints(w.dilations),
    pads: ints(w.pads),
    group: int(intOf(node, 'group', 1)),
    dims: ints(dims),
  };
}

function convGradient(context: GradientContext, perExample: boolean): readonly (string | undefined)[] {
  const { build, outputGradient: dy } = context;
  const [x, w] = [context.input(0), context.input(1)];
  const own = (op: string, inputs: readonly string[], attributes: Attributes): string | undefined =>
    build.own(op, inputs, { ...attributes, ...(perExample ? { per_example: int(1) } : {}) })[0];
  return [
    context.needs(0)
      ? build.own('ConvInputGrad', [dy, w], windowAttributes(context, context.type(x).dims))[0]
      : undefined,
    context.needs(1)
      ? own('ConvFilterGrad', [x, dy], windowAttributes(context, context.type(w).dims))
      : undefined,
    context.needs(2) ? own('ChannelSum', [dy], {}) : undefined,
  ];
}

/** One filter or several for each channel: weights [C·m, 1, kh, kw]. */
function depthwise(context: TensorFlowContext, windows: ValidWindows, weights: tf.Tensor4D): tf.Tensor {
  const { tf: lib } = context;
  const { image, kernel, strides } = windows;
  const channels = image.shape[3];
  const filters = weights.shape[0];
  const split: tf.Tensor4D = lib.reshape(weights, [channels, filters / channels, ...kernel]);
  return lib.depthwiseConv2d(image, lib.transpose(split, [2, 3, 0, 1]), strides, 'valid');
}

/** Groups one by one, because a grouped convolution has no kernel on most backends. */
function grouped(context: TensorFlowContext, windows: ValidWindows, weights: tf.Tensor4D): tf.Tensor {
  const { tf: lib, node } = context;
  const { image, strides } = windows;
  const group = intOf(node, 'group', 1);
  const kernels: tf.Tensor4D = lib.transpose(weights, [2, 3, 1, 0]);
  if (group === 1) return lib.conv2d(image, kernels, strides, 'valid');
  const images = lib.split<tf.Tensor4D>(image, group, 3);
  const outputs = lib.split<tf.Tensor4D>(kernels, group, 3).map((part, index) => {
    const channels = images[index];
    if (channels === undefined) throw new GraphError(`${describeNode(node)} has too many groups.`);
    return lib.conv2d(channels, part, strides, 'valid');
  });
  return lib.concat(outputs, 3);
}

function convTensorflow(context: TensorFlowContext): readonly tf.Tensor[] {
  const { tf: lib, node } = context;
  const weights = context.plain(1) as tf.Tensor4D; // the shape rule has checked the rank
  const windows = validWindows(context, 0, weights.shape.slice(2));
  const group = intOf(node, 'group', 1);
  // TensorFlow's own depthwise kernel needs equal strides.
  const isDepthwise =
    group > 1 && group === windows.image.shape[3] && windows.strides[0] === windows.strides[1];
  const output = (isDepthwise ? depthwise : grouped)(context, windows, weights);
  return [context.has(2) ? lib.add(output, context.plain(2)) : output];
}

export const conv: Operator = {
  domain: '',
  op: 'Conv',
  inputCount: { min: 2, max: 3 },
  infer: inferConv,
  gradient: (context) => convGradient(context, false),
  exampleGradient: (context) => convGradient(context, true),
  tensorflow: convTensorflow,
};

const isPerExample = (node: Node): boolean => intOf(node, 'per_example', 0) === 1;

/** (dy, w) → gradient of the input, of attribute `dims`. */
export const convInputGrad: Operator = {
  domain: 'consilium',
  op: 'ConvInputGrad',
  inputCount: { min: 2, max: 2 },
  infer: ({ node }) => [float32(requiredInts(node, 'dims'))],
};

/** Micro-batches whose filter gradients one node adds up, at most. */
const MOST_PAIRS = 512;

/**
 * (x, dy) → gradient of the weights, of attribute `dims`; with `per_example` one for each example, [N, …dims]. Further pairs
 * (x, dy, x, dy, …) are added to it.
 */
export const convFilterGrad: Operator = {
  domain: 'consilium',
  op: 'ConvFilterGrad',
  inputCount: { min: 2, max: 2 * MOST_PAIRS },
  infer: (context) => {
    const dims = requiredInts(context.node, 'dims');
    return [float32(isPerExample(context.node) ? [context.input(0).dims[0] ?? 0, ...dims] : dims)];
  },
};

/** [N, C, H, W] → [C]: the sum over examples and positions; with `per_example` [N, C]. */
export const channelSum: Operator = {
  domain: 'consilium',
  op: 'ChannelSum',
  inputCount: { min: 1, max: 1 },
  infer: (context) => {
    const [batch = 0, channels = 0] = requireRank(context.node, context.input(0), 4);
    return [float32(isPerExample(context.node) ? [batch, channels] : [channels])];
  },
};
