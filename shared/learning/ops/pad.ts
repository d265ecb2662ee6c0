/** Pad (ONNX Pad-21) with a constant value, constant sizes that are not negative, and no axes input. */
import type * as tf from '@tensorflow/tfjs';
import { GraphError } from '../../errors.ts';
import { describeNode, textOf } from '../graph/attributes.ts';
import { float32 } from '../graph/shapes.ts';
import type { Node, TensorType } from '../graph/types.ts';
import type { GradientContext, Operator, ShapeContext, TensorFlowContext } from './operator.ts';
import { handOn } from './tensorflow-rules.ts';

/** Sizes before and after each axis. @throws GraphError when they do not fit. */
function padsOf(
  node: Node,
  pads: readonly number[] | undefined,
  rank: number,
): (readonly [number, number])[] {
  if (textOf(node, 'mode', 'constant') !== 'constant')
    throw new GraphError(`${describeNode(node)} does not pad with a constant, which is not supported.`);
  if (pads?.length !== 2 * rank || pads.some((size) => size < 0))
    throw new GraphError(
      `The sizes of ${describeNode(node)} must be ${String(2 * rank)} numbers that are not negative.`,
    );
  return Array.from({ length: rank }, (_, axis) => [pads[axis] ?? 0, pads[axis + rank] ?? 0]);
}

function infer(context: ShapeContext): readonly TensorType[] {
  const { dims } = context.input(0);
  const pads = padsOf(context.node, context.constantInts(1), dims.length);
  const value = context.inputs[2];
  if (value && (value.dtype !== 'float32' || value.dims.length !== 0))
    throw new GraphError(`The value of ${describeNode(context.node)} must be a float32 scalar.`);
  return [float32(dims.map((size, axis) => size + (pads[axis]?.[0] ?? 0) + (pads[axis]?.[1] ?? 0)))];
}

function gradient(context: GradientContext): readonly (string | undefined)[] {
  const { build, node } = context;
  const { dims } = context.type(context.input(0));
  const pads = padsOf(node, context.constantInts(1), dims.length);
  const axes = dims.map((_, axis) => axis).filter((axis) => pads[axis]?.some((size) => size > 0));
  if (axes.length === 0) return [context.outputGradient];
  const starts = axes.map((axis) => pads[axis]?.[0] ?? 0);
  const ends = axes.map((axis, index) => (starts[index] ?? 0) + (dims[axis] ?? 0));
  return [
    build.op('Slice', [context.outputGradient, ...[starts, ends, axes].map((list) => build.ints(list))]),
  ];
}

function tensorflow(context: TensorFlowContext): readonly tf.Tensor[] {
  const { tf: lib, node } = context;
  const x = context.plain(0);
  const pads = padsOf(node, context.constantInts(1), x.rank);
  const value = context.has(2) ? (context.plain(2).dataSync()[0] ?? 0) : 0;
  return [
    handOn(
      lib,
      lib.pad(
        x,
        pads.map(([before, after]): [number, number] => [before, after]),
        value,
      ),
    ),
  ];
}

export const pad: Operator = {
  domain: '',
  op: 'Pad',
  inputCount: { min: 2, max: 3 },
  infer,
  gradient,
  tensorflow,
};
