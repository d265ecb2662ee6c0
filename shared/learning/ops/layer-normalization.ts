/**
 * LayerNormalization (ONNX LayerNormalization-17; Ba et al. 2016, "Layer Normalization", eq. 3): mean and variance over
 * the axes from `axis` on, for each position before it.
 */
import type * as tf from '@tensorflow/tfjs';
import { GraphError } from '../../errors.ts';
import { describeNode, float, floatOf, int, intOf } from '../graph/attributes.ts';
import { float32, normalizeAxis, sameDims, showDims } from '../graph/shapes.ts';
import type { Node, TensorType } from '../graph/types.ts';
import { NORMALIZATION_EPSILON } from './batch-normalization.ts';
import type { GradientContext, Operator, ShapeContext, TensorFlowContext } from './operator.ts';
import { handOn } from './tensorflow-rules.ts';

/** The first axis that is normalised over. */
export const firstNormalizedAxis = (node: Node, rank: number): number =>
  normalizeAxis(intOf(node, 'axis', -1), rank, node);

function infer(context: ShapeContext): readonly TensorType[] {
  const { node } = context;
  const { dims } = context.input(0);
  const normalized = dims.slice(firstNormalizedAxis(node, dims.length));
  for (const parameter of context.inputs.slice(1)) {
    if (parameter && !sameDims(parameter.dims, normalized))
      throw new GraphError(
        `The parameters of ${describeNode(node)} must have the shape ${showDims(normalized)}.`,
      );
  }
  return [float32(dims)];
}

function gradient(context: GradientContext): readonly (string | undefined)[] {
  const { node } = context;
  const { dims } = context.type(context.input(0));
  const inputs = [context.input(0), context.input(1), context.outputGradient];
  const [dx, dscale, dshift] = context.build.own('LayerNormGrad', inputs, {
    axis: int(firstNormalizedAxis(node, dims.length)),
    epsilon: float(floatOf(node, 'epsilon', NORMALIZATION_EPSILON)),
  });
  return node.inputs.length > 2 ? [dx, dscale, dshift] : [dx, dscale];
}

function tensorflow(context: TensorFlowContext): readonly tf.Tensor[] {
  const { tf: lib, node } = context;
  const x = context.plain(0);
  const first = firstNormalizedAxis(node, x.rank);
  const axes = Array.from({ length: x.rank - first }, (_, index) => first + index);
  const { mean, variance } = lib.moments(x, axes, true);
  const factor = lib.rsqrt(lib.add(variance, floatOf(node, 'epsilon', NORMALIZATION_EPSILON)));
  const scaled = lib.mul(lib.mul(lib.sub(x, mean), factor), context.plain(1));
  return [handOn(lib, context.has(2) ? lib.add(scaled, context.plain(2)) : scaled)];
}

export const layerNormalization: Operator = {
  domain: '',
  op: 'LayerNormalization',
  inputCount: { min: 2, max: 3 },
  infer,
  gradient,
  tensorflow,
};

/** (x, scale, dy) → (dx, dscale, dshift). */
export const layerNormGrad: Operator = {
  domain: 'consilium',
  op: 'LayerNormGrad',
  inputCount: { min: 3, max: 3 },
  infer: (context) => {
    const { dims } = context.input(0);
    const parameter = float32(dims.slice(firstNormalizedAxis(context.node, dims.length)));
    return [float32(dims), parameter, parameter];
  },
};
