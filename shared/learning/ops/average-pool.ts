/** AveragePool (ONNX AveragePool-19 without ceil_mode), any window, stride and padding. */
import type * as tf from '@tensorflow/tfjs';
import { int, intOf, ints, requiredInts } from '../graph/attributes.ts';
import { float32 } from '../graph/shapes.ts';
import { inferPool, poolAttributes } from './max-pool.ts';
import type { Operator, TensorFlowContext } from './operator.ts';
import { validWindows } from './tensorflow-rules.ts';

/** Without the padding in the count, the sum over a window is divided by how many of its positions are real. */
function tensorflow(context: TensorFlowContext): readonly tf.Tensor[] {
  const { tf: lib, node } = context;
  const average = (padded: TensorFlowContext): tf.Tensor4D => {
    const { image, kernel, strides } = validWindows(padded, 0);
    return lib.avgPool(image, kernel, strides, 'valid');
  };
  const pooled = average(context);
  if (intOf(node, 'count_include_pad', 0) === 1) return [pooled];
  const [, , height = 1, width = 1] = context.type(node.inputs[0] ?? '').dims;
  const real = average({ ...context, image: () => lib.ones([1, height, width, 1]) });
  return [lib.div(pooled, real)];
}

export const averagePool: Operator = {
  domain: '',
  op: 'AveragePool',
  inputCount: { min: 1, max: 1 },
  infer: inferPool,
  gradient: (context) =>
    context.build.own('AveragePoolGrad', [context.outputGradient], {
      ...poolAttributes(context),
      count_include_pad: int(intOf(context.node, 'count_include_pad', 0)),
      dims: ints(context.type(context.input(0)).dims),
    }),
  tensorflow,
};

/** (dy) → gradient of the input, of attribute `dims`. */
export const averagePoolGrad: Operator = {
  domain: 'consilium',
  op: 'AveragePoolGrad',
  inputCount: { min: 1, max: 1 },
  infer: ({ node }) => [float32(requiredInts(node, 'dims'))],
};
