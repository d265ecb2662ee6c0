/**
 * MaxPool (ONNX MaxPool-12, values only), any window, stride and padding. At a tie the gradient goes to the first
 * position of the window in row-major order, as PyTorch and TensorFlow do.
 */
import { ints } from '../graph/attributes.ts';
import { float32, requireRank, windowOf, windowOutput } from '../graph/shapes.ts';
import type { Attributes, TensorType } from '../graph/types.ts';
import type { GradientContext, Operator, ShapeContext } from './operator.ts';
import { outputOf, sameAsInput } from './rules.ts';
import { validWindows } from './tensorflow-rules.ts';

/** Shape rule of the pooling operators. */
export function inferPool(context: ShapeContext): readonly TensorType[] {
  const { node } = context;
  const input = requireRank(node, context.input(0), 4);
  return [float32([...input.slice(0, 2), ...windowOutput(node, input, windowOf(node, input))])];
}

/** The pooling window written out, for the gradient operators. */
export function poolAttributes(context: GradientContext): Attributes {
  const w = windowOf(context.node, context.type(context.input(0)).dims);
  return {
    kernel_shape: ints(w.kernel),
    strides: ints(w.strides),
    pads: ints(w.pads),
    dilations: ints(w.dilations),
  };
}

export const maxPool: Operator = {
  domain: '',
  op: 'MaxPool',
  inputCount: { min: 1, max: 1 },
  infer: inferPool,
  gradient: (context) =>
    context.build.own(
      'MaxPoolGrad',
      [context.input(0), outputOf(context), context.outputGradient],
      poolAttributes(context),
    ),
  tensorflow: (context) => {
    const { image, kernel, strides } = validWindows(context, -Infinity);
    return [context.tf.maxPool(image, kernel, strides, 'valid')];
  },
};

/** (x, y, dy) → gradient of x. */
export const maxPoolGrad: Operator = {
  domain: 'consilium',
  op: 'MaxPoolGrad',
  inputCount: { min: 3, max: 3 },
  infer: sameAsInput,
};
