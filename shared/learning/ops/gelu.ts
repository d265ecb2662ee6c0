/**
 * Gelu (ONNX Gelu-20; Hendrycks, Gimpel 2016, "Gaussian Error Linear Units", §2): x·Φ(x), or with `approximate` "tanh"
 * x·(1 + tanh(√(2/π)·(x + 0.044715·x³)))/2.
 */
import type * as tf from '@tensorflow/tfjs';
import { GraphError } from '../../errors.ts';
import { describeNode, text, textOf } from '../graph/attributes.ts';
import type { Node } from '../graph/types.ts';
import type { GradientContext, Operator, ShapeContext, TensorFlowContext } from './operator.ts';
import { sameAsInput } from './rules.ts';

/** √(2/π) and the cubic coefficient of the approximation. */
export const GELU_TANH = { scale: Math.sqrt(2 / Math.PI), cubic: 0.044715 };

/** @throws GraphError for an approximation that is not ONNX's. */
export function isTanhGelu(node: Node): boolean {
  const approximate = textOf(node, 'approximate', 'none');
  if (approximate !== 'none' && approximate !== 'tanh')
    throw new GraphError(`"approximate" of ${describeNode(node)} must be "none" or "tanh".`);
  return approximate === 'tanh';
}

function infer(context: ShapeContext): ReturnType<Operator['infer']> {
  isTanhGelu(context.node);
  return sameAsInput(context);
}

const gradient = (context: GradientContext): readonly string[] =>
  context.build.own('GeluGrad', [context.input(0), context.outputGradient], {
    approximate: text(textOf(context.node, 'approximate', 'none')),
  });

function tensorflow(context: TensorFlowContext): readonly tf.Tensor[] {
  const { tf: lib, node } = context;
  const x = context.asHandedOn(0);
  const cubic = lib.add(x, lib.mul(lib.mul(lib.mul(x, x), x), GELU_TANH.cubic));
  const inner = isTanhGelu(node)
    ? lib.tanh(lib.mul(cubic, GELU_TANH.scale))
    : lib.erf(lib.mul(x, Math.SQRT1_2));
  return [lib.mul(lib.mul(x, 0.5), lib.add(inner, 1))];
}

export const gelu: Operator = {
  domain: '',
  op: 'Gelu',
  inputCount: { min: 1, max: 1 },
  infer,
  gradient,
  tensorflow,
};

/** (x, dy) → dy·Gelu′(x). */
export const geluGrad: Operator = {
  domain: 'consilium',
  op: 'GeluGrad',
  inputCount: { min: 2, max: 2 },
  infer: sameAsInput,
};
