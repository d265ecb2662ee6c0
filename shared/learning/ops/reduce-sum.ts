/** ReduceSum (ONNX ReduceSum-13, axes as a constant input). */
import type * as tf from '@tensorflow/tfjs';
import { intOf } from '../graph/attributes.ts';
import { float32, normalizeAxis } from '../graph/shapes.ts';
import type { Node, TensorType } from '../graph/types.ts';
import type { GradientContext, Operator, ShapeContext, TensorFlowContext } from './operator.ts';
import { reshape } from './rules.ts';
import { handOn } from './tensorflow-rules.ts';

/** The axes over which a reduction runs; all of them where none are given. */
export function reducedAxes(
  node: Node,
  axes: readonly number[] | undefined,
  rank: number,
): readonly number[] {
  const given = axes ?? [];
  if (given.length === 0) {
    const none = axes !== undefined && intOf(node, 'noop_with_empty_axes', 0) === 1;
    return none ? [] : Array.from({ length: rank }, (_, axis) => axis);
  }
  return given.map((axis) => normalizeAxis(axis, rank, node));
}

/** Shape rule of the reductions. */
export function inferReduction(context: ShapeContext): readonly TensorType[] {
  const { dims } = context.input(0);
  const axes = new Set(reducedAxes(context.node, context.constantInts(1), dims.length));
  const kept = dims.map((size, axis) => (axes.has(axis) ? 1 : size));
  const keep = intOf(context.node, 'keepdims', 1) === 1;
  return [float32(keep ? kept : dims.filter((_, axis) => !axes.has(axis)))];
}

/** Spreads the gradient of a reduction over the axes again, times `factor(count of values summed)`. */
export function spread(context: GradientContext, factor: (count: number) => number): string {
  const { build, node } = context;
  const { dims } = context.type(context.input(0));
  const axes = new Set(reducedAxes(node, context.constantInts(1), dims.length));
  const kept = dims.map((size, axis) => (axes.has(axis) ? 1 : size));
  const count = dims.reduce((total, size, axis) => (axes.has(axis) ? total * size : total), 1);
  const scaled =
    factor(count) === 1
      ? context.outputGradient
      : build.op('Mul', [context.outputGradient, build.scalar(factor(count))]);
  return build.op('Expand', [reshape(build, scaled, kept), build.ints(dims)]);
}

/** TensorFlow.js rule of the reductions. */
export function tensorflowReduction(
  context: TensorFlowContext,
  reduce: (value: tf.Tensor, axes: number[], keepDims: boolean) => tf.Tensor,
): readonly tf.Tensor[] {
  const value = context.plain(0);
  const axes = [...reducedAxes(context.node, context.constantInts(1), value.rank)];
  return [handOn(context.tf, reduce(value, axes, intOf(context.node, 'keepdims', 1) === 1))];
}

export const reduceSum: Operator = {
  domain: '',
  op: 'ReduceSum',
  inputCount: { min: 1, max: 2 },
  infer: inferReduction,
  gradient: (context) => [spread(context, () => 1), undefined],
  tensorflow: (context) => tensorflowReduction(context, context.tf.sum),
};
