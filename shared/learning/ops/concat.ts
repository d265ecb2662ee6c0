/** Concat (ONNX Concat-13); each input's gradient is its slice. */
import type * as tf from '@tensorflow/tfjs';
import { GraphError } from '../../errors.ts';
import { describeNode, intOf } from '../graph/attributes.ts';
import { float32, normalizeAxis, showDims } from '../graph/shapes.ts';
import type { TensorType } from '../graph/types.ts';
import type { GradientContext, Operator, ShapeContext, TensorFlowContext } from './operator.ts';
import { imageAxis } from './tensorflow-rules.ts';

function infer(context: ShapeContext): readonly TensorType[] {
  const { node } = context;
  const first = context.input(0).dims;
  const axis = normalizeAxis(intOf(node, 'axis', 0), first.length, node);
  let total = 0;
  for (let index = 0; index < context.inputs.length; index++) {
    const { dims } = context.input(index);
    if (dims.length !== first.length || dims.some((size, a) => a !== axis && size !== first[a])) {
      throw new GraphError(`${describeNode(node)} cannot join ${showDims(first)} and ${showDims(dims)}.`);
    }
    total += dims[axis] ?? 0;
  }
  return [float32(first.map((size, a) => (a === axis ? total : size)))];
}

function gradient(context: GradientContext): readonly (string | undefined)[] {
  const { node, build, outputGradient } = context;
  const axis = normalizeAxis(intOf(node, 'axis', 0), context.type(context.input(0)).dims.length, node);
  let start = 0;
  return node.inputs.map((name, index) => {
    const begin = start;
    start += context.type(name).dims[axis] ?? 0;
    if (!context.needs(index)) return undefined;
    return build.op('Slice', [outputGradient, build.ints([begin]), build.ints([start]), build.ints([axis])]);
  });
}

function tensorflow(context: TensorFlowContext): readonly tf.Tensor[] {
  const { node } = context;
  const rank = context.type(node.outputs[0] ?? '').dims.length;
  const axis = normalizeAxis(intOf(node, 'axis', 0), rank, node);
  const parts = node.inputs.map((_, index) => context.asHandedOn(index));
  return [context.tf.concat(parts, rank === 4 ? imageAxis(axis) : axis)];
}

export const concat: Operator = {
  domain: '',
  op: 'Concat',
  inputCount: { min: 1, max: 64 },
  infer,
  gradient,
  tensorflow,
};
