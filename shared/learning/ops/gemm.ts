/** Gemm (ONNX Gemm-13): α·op(A)·op(B) + β·C, with C broadcast. */
import type * as tf from '@tensorflow/tfjs';
import { GraphError } from '../../errors.ts';
import { describeNode, float, floatOf, int, intOf } from '../graph/attributes.ts';
import { broadcastDims, float32, requireRank, sameDims, showDims } from '../graph/shapes.ts';
import type { TensorType } from '../graph/types.ts';
import type { GradientContext, Operator, ShapeContext, TensorFlowContext } from './operator.ts';
import { reduceTo } from './rules.ts';

function infer(context: ShapeContext): readonly TensorType[] {
  const { node } = context;
  const a = requireRank(node, context.input(0), 2);
  const b = requireRank(node, context.input(1), 2);
  const transA = intOf(node, 'transA', 0);
  const transB = intOf(node, 'transB', 0);
  const dims = [a[transA ? 1 : 0] ?? 0, b[transB ? 0 : 1] ?? 0];
  if (a[transA ? 0 : 1] !== b[transB ? 1 : 0]) {
    throw new GraphError(`${describeNode(node)} cannot multiply ${showDims(a)} with ${showDims(b)}.`);
  }
  const c = context.inputs[2];
  if (c && !sameDims(broadcastDims(c.dims, dims, node), dims)) {
    throw new GraphError(`${describeNode(node)} cannot add ${showDims(c.dims)} to ${showDims(dims)}.`);
  }
  return [float32(dims)];
}

function gradient(context: GradientContext): readonly (string | undefined)[] {
  const { node, build, outputGradient: dy } = context;
  const [a, b] = [context.input(0), context.input(1)];
  const [transA, transB] = [intOf(node, 'transA', 0), intOf(node, 'transB', 0)];
  const alpha = float(floatOf(node, 'alpha', 1));
  const gemm = (x: string, y: string, tx: number, ty: number): string =>
    build.op('Gemm', [x, y], { alpha, transA: int(tx), transB: int(ty) });
  const beta = floatOf(node, 'beta', 1);
  const scaled = (): string => (beta === 1 ? dy : build.op('Mul', [dy, build.scalar(beta)]));
  return [
    context.needs(0) ? (transA ? gemm(b, dy, transB, 1) : gemm(dy, b, 0, 1 - transB)) : undefined,
    context.needs(1) ? (transB ? gemm(dy, a, 1, transA) : gemm(a, dy, 1 - transA, 0)) : undefined,
    context.needs(2) ? reduceTo(build, scaled(), context.type(context.input(2)).dims) : undefined,
  ];
}

function tensorflow(context: TensorFlowContext): readonly tf.Tensor[] {
  const { tf: lib, node } = context;
  const [transA, transB] = [intOf(node, 'transA', 0) === 1, intOf(node, 'transB', 0) === 1];
  const times = (value: tf.Tensor, factor: number): tf.Tensor =>
    factor === 1 ? value : lib.mul(value, factor);
  const product = lib.matMul(context.plain(0), context.plain(1), transA, transB);
  const scaled = times(product, floatOf(node, 'alpha', 1));
  return [context.has(2) ? lib.add(scaled, times(context.plain(2), floatOf(node, 'beta', 1))) : scaled];
}

export const gemm: Operator = {
  domain: '',
  op: 'Gemm',
  inputCount: { min: 2, max: 3 },
  infer,
  gradient,
  tensorflow,
};
