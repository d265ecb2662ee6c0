/** GlobalAveragePool (ONNX GlobalAveragePool-1): the mean over height and width, [N, C, 1, 1]. */
import { ints, requiredInts } from '../graph/attributes.ts';
import { float32, requireRank } from '../graph/shapes.ts';
import type { Operator } from './operator.ts';

export const globalAveragePool: Operator = {
  domain: '',
  op: 'GlobalAveragePool',
  inputCount: { min: 1, max: 1 },
  infer: (context) => {
    const [batch = 0, channels = 0] = requireRank(context.node, context.input(0), 4);
    return [float32([batch, channels, 1, 1])];
  },
  gradient: (context) =>
    context.build.own('GlobalAveragePoolGrad', [context.outputGradient], {
      dims: ints(context.type(context.input(0)).dims),
    }),
  tensorflow: (context) => [context.tf.mean(context.image(0), [1, 2], true)],
};

/** (dy [N, C, 1, 1]) → dy/(H·W) at every position, of attribute `dims`. */
export const globalAveragePoolGrad: Operator = {
  domain: 'consilium',
  op: 'GlobalAveragePoolGrad',
  inputCount: { min: 1, max: 1 },
  infer: ({ node }) => [float32(requiredInts(node, 'dims'))],
};
