/** GroupNormalization (ONNX GroupNormalization-21; Wu, He 2018): one mean and variance a group of channels and example. */
import type * as tf from '@tensorflow/tfjs';
import { GraphError } from '../../errors.ts';
import { describeNode, float, floatOf, int, intOf } from '../graph/attributes.ts';
import { float32, requireRank } from '../graph/shapes.ts';
import type { Attributes, TensorType } from '../graph/types.ts';
import { NORMALIZATION_EPSILON } from './batch-normalization.ts';
import type { GradientContext, Operator, ShapeContext, TensorFlowContext } from './operator.ts';

function infer(context: ShapeContext): readonly TensorType[] {
  const { node } = context;
  const dims = requireRank(node, context.input(0), 4);
  const channels = dims[1] ?? 0;
  const groups = intOf(node, 'num_groups', 0);
  if (groups < 1 || channels % groups !== 0) {
    throw new GraphError(
      `${describeNode(node)}: ${String(channels)} channels are no multiple of ${String(groups)} groups.`,
    );
  }
  for (const parameter of [context.input(1), context.input(2)]) {
    if (parameter.dims.length !== 1 || parameter.dims[0] !== channels) {
      throw new GraphError(`The parameters of ${describeNode(node)} must have one value a channel.`);
    }
  }
  return [float32(dims)];
}

function gradient(context: GradientContext, extra: Attributes): readonly (string | undefined)[] {
  const { node } = context;
  return context.build.own('GroupNormGrad', [context.input(0), context.input(1), context.outputGradient], {
    num_groups: int(intOf(node, 'num_groups', 1)),
    epsilon: float(floatOf(node, 'epsilon', NORMALIZATION_EPSILON)),
    ...extra,
  });
}

function tensorflow(context: TensorFlowContext): readonly tf.Tensor[] {
  const { tf: lib, node } = context;
  const image = context.image(0);
  const [batch, height, width, channels] = image.shape;
  const groups = intOf(node, 'num_groups', 1);
  const grouped = lib.reshape(image, [batch, height * width, groups, channels / groups]);
  const { mean, variance } = lib.moments(grouped, [1, 3], true);
  const factor = lib.rsqrt(lib.add(variance, floatOf(node, 'epsilon', NORMALIZATION_EPSILON)));
  const normalized = lib.reshape(lib.mul(lib.sub(grouped, mean), factor), image.shape);
  return [lib.add(lib.mul(normalized, context.plain(1)), context.plain(2))];
}

export const groupNormalization: Operator = {
  domain: '',
  op: 'GroupNormalization',
  inputCount: { min: 3, max: 3 },
  infer,
  gradient: (context) => gradient(context, {}),
  exampleGradient: (context) => gradient(context, { per_example: int(1) }),
  tensorflow,
};

/** (x, scale, dy) → (dx, dscale, dshift); with `per_example` the two last are [N, C]. */
export const groupNormGrad: Operator = {
  domain: 'consilium',
  op: 'GroupNormGrad',
  inputCount: { min: 3, max: 3 },
  infer: (context) => {
    const dims = requireRank(context.node, context.input(0), 4);
    const [batch = 0, channels = 0] = dims;
    const parameter = intOf(context.node, 'per_example', 0) === 1 ? [batch, channels] : [channels];
    return [float32(dims), float32(parameter), float32(parameter)];
  },
};
