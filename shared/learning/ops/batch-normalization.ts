/**
 * BatchNormalization (ONNX BatchNormalization-15; Ioffe, Szegedy 2015). A forward graph holds the inference form with
 * running statistics; training replaces it by `BatchNormTraining`, which normalises with the batch's own mean and
 * biased variance and returns both. With frozen normalisation the inference form itself is differentiated.
 */
import type * as tf from '@tensorflow/tfjs';
import { GraphError } from '../../errors.ts';
import { describeNode, float, floatOf } from '../graph/attributes.ts';
import { float32, requireRank } from '../graph/shapes.ts';
import type { TensorType } from '../graph/types.ts';
import type { GradientContext, Operator, ShapeContext, TensorFlowContext } from './operator.ts';

export const NORMALIZATION_EPSILON = 1e-5;

function channelsOf(context: ShapeContext): readonly number[] {
  const dims = requireRank(context.node, context.input(0), 4);
  for (const parameter of context.inputs.slice(1, 5)) {
    if (parameter && (parameter.dims.length !== 1 || parameter.dims[0] !== dims[1])) {
      throw new GraphError(`The parameters of ${describeNode(context.node)} must have one value a channel.`);
    }
  }
  return dims;
}

const epsilonOf = (context: GradientContext) => ({
  epsilon: float(floatOf(context.node, 'epsilon', NORMALIZATION_EPSILON)),
});

/** Gradients of input, scale and shift, and nothing for the statistics. */
function frozenGradient(context: GradientContext): readonly (string | undefined)[] {
  const [x, scale, , mean, variance] = [0, 1, 2, 3, 4].map((index) => context.input(index));
  const inputs = [x, scale, mean, variance, context.outputGradient].map(String);
  return context.build.own('BatchNormFrozenGrad', inputs, epsilonOf(context));
}

/** Image 0 normalised with the given statistics [C], in TensorFlow.js. */
function normalized(context: TensorFlowContext, mean: tf.Tensor, variance: tf.Tensor): tf.Tensor {
  const { tf: lib, node } = context;
  const epsilon = floatOf(node, 'epsilon', NORMALIZATION_EPSILON);
  const factor = lib.mul(lib.rsqrt(lib.add(variance, epsilon)), context.plain(1));
  return lib.add(lib.mul(lib.sub(context.image(0), mean), factor), context.plain(2));
}

export const batchNormalization: Operator = {
  domain: '',
  op: 'BatchNormalization',
  inputCount: { min: 5, max: 5 },
  infer: (context) => [float32(channelsOf(context))],
  gradient: frozenGradient,
  tensorflow: (context) => [normalized(context, context.plain(3), context.plain(4))],
};

const withStatistics = (context: ShapeContext): readonly TensorType[] => {
  const dims = channelsOf(context);
  return [float32(dims), float32([dims[1] ?? 0]), float32([dims[1] ?? 0])];
};

/** (x, scale, shift) → (y, batch mean [C], biased batch variance [C]). */
export const batchNormTraining: Operator = {
  domain: 'consilium',
  op: 'BatchNormTraining',
  inputCount: { min: 3, max: 3 },
  infer: withStatistics,
  gradient: (context) => {
    const [, mean = '', variance = ''] = context.node.outputs;
    const inputs = [context.input(0), context.input(1), mean, variance, context.outputGradient];
    return context.build.own('BatchNormTrainingGrad', inputs, epsilonOf(context));
  },
  tensorflow: (context) => {
    const { mean, variance } = context.tf.moments(context.image(0), [0, 1, 2]);
    return [normalized(context, mean, variance), mean, variance];
  },
};

const gradientTypes = (context: ShapeContext): readonly TensorType[] => {
  const dims = requireRank(context.node, context.input(0), 4);
  return [float32(dims), float32([dims[1] ?? 0]), float32([dims[1] ?? 0])];
};

/** (x, scale, mean, variance, dy) → (dx, dscale, dshift), mean and variance being functions of x. */
export const batchNormTrainingGrad: Operator = {
  domain: 'consilium',
  op: 'BatchNormTrainingGrad',
  inputCount: { min: 5, max: 5 },
  infer: gradientTypes,
};

/** (x, scale, mean, variance, dy) → (dx, dscale, dshift), mean and variance being constants. */
export const batchNormFrozenGrad: Operator = {
  domain: 'consilium',
  op: 'BatchNormFrozenGrad',
  inputCount: { min: 5, max: 5 },
  infer: gradientTypes,
};
