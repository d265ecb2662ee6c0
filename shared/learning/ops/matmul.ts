/** MatMul (ONNX MatMul-13): matrices, or stacks of matrices with broadcast leading dimensions. */
import type * as tf from '@tensorflow/tfjs';
import { GraphError } from '../../errors.ts';
import { describeNode, int, ints } from '../graph/attributes.ts';
import type { GraphBuilder } from '../graph/builder.ts';
import { broadcastDims, float32, sameDims, showDims } from '../graph/shapes.ts';
import type { TensorType } from '../graph/types.ts';
import type { GradientContext, Operator, ShapeContext, TensorFlowContext } from './operator.ts';
import { sizeOf } from '../weights.ts';
import { reduceTo, reshape } from './rules.ts';
import { handOn } from './tensorflow-rules.ts';

function infer(context: ShapeContext): readonly TensorType[] {
  const [a, b] = [context.input(0).dims, context.input(1).dims];
  if (a.length < 2 || b.length < 2 || a.at(-1) !== b.at(-2)) {
    throw new GraphError(
      `${describeNode(context.node)} cannot multiply ${showDims(a)} with ${showDims(b)} (both need rank 2 or more).`,
    );
  }
  const lead = broadcastDims(a.slice(0, -2), b.slice(0, -2), context.node);
  return [float32([...lead, a.at(-2) ?? 0, b.at(-1) ?? 0])];
}

function transposed(build: GraphBuilder, value: string): string {
  const rank = build.typeOf(value).dims.length;
  const order = Array.from({ length: rank }, (_, axis) => axis);
  return build.op('Transpose', [value], { perm: ints([...order.slice(0, -2), rank - 1, rank - 2]) });
}

/** A stack of matrices times one matrix is one large product: its gradients need neither transposition nor sums. */
function denseGradient(context: GradientContext): readonly (string | undefined)[] {
  const { build, outputGradient: dy } = context;
  const [a, b] = [context.input(0), context.input(1)];
  const rows = (value: string): string => {
    const { dims } = build.typeOf(value);
    return reshape(build, value, [sizeOf(dims.slice(0, -1)), dims.at(-1) ?? 0]);
  };
  const ofInput = (): string => build.op('Gemm', [rows(dy), b], { transB: int(1) });
  return [
    context.needs(0) ? reshape(build, ofInput(), context.type(a).dims) : undefined,
    context.needs(1) ? build.op('Gemm', [rows(a), rows(dy)], { transA: int(1) }) : undefined,
  ];
}

function gradient(context: GradientContext): readonly (string | undefined)[] {
  const { build, outputGradient: dy } = context;
  const [a, b] = [context.input(0), context.input(1)];
  if (context.type(b).dims.length === 2) return denseGradient(context);
  return [
    context.needs(0)
      ? reduceTo(build, build.op('MatMul', [dy, transposed(build, b)]), context.type(a).dims)
      : undefined,
    context.needs(1)
      ? reduceTo(build, build.op('MatMul', [transposed(build, a), dy]), context.type(b).dims)
      : undefined,
  ];
}

/** Leading dimensions are written out first: the gradient of TensorFlow.js's product does not sum broadcast ones. */
function tensorflow(context: TensorFlowContext): readonly tf.Tensor[] {
  const { tf: lib, node } = context;
  const lead = context.type(node.outputs[0] ?? '').dims.slice(0, -2);
  const [a, b] = [0, 1].map((index) => {
    const value = context.plain(index);
    const dims = [...lead, ...value.shape.slice(-2)];
    return sameDims(dims, value.shape) ? value : lib.broadcastTo(value, dims);
  });
  if (a === undefined || b === undefined) throw new GraphError(`${describeNode(node)} needs two inputs.`);
  return [handOn(lib, lib.matMul(a, b))];
}

export const matmul: Operator = {
  domain: '',
  op: 'MatMul',
  inputCount: { min: 2, max: 2 },
  infer,
  gradient,
  tensorflow,
};
