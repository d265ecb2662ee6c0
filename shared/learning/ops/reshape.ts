/** Reshape (ONNX Reshape-21) with a constant shape; 0 keeps a size, −1 takes what is left. */
import { GraphError } from '../../errors.ts';
import { describeNode, intOf } from '../graph/attributes.ts';
import { float32, showDims } from '../graph/shapes.ts';
import type { TensorType } from '../graph/types.ts';
import type { Operator, ShapeContext } from './operator.ts';
import { reshape as reshapeTo } from './rules.ts';
import { tensorflowReshape } from './tensorflow-rules.ts';

const product = (dims: readonly number[]): number => dims.reduce((a, b) => a * b, 1);

function infer(context: ShapeContext): readonly TensorType[] {
  const { node } = context;
  const from = context.input(0).dims;
  const shape = context.constantInts(1) ?? [];
  const keepZero = intOf(node, 'allowzero', 0) === 1;
  const kept = shape.map((size, axis) => (size === 0 && !keepZero ? (from[axis] ?? 0) : size));
  const known = product(kept.filter((size) => size !== -1));
  const dims = kept.map((size) => (size === -1 ? product(from) / known : size));
  if (product(dims) !== product(from) || dims.some((size) => !Number.isInteger(size) || size < 0)) {
    throw new GraphError(`${describeNode(node)} cannot make ${showDims(shape)} of ${showDims(from)}.`);
  }
  return [float32(dims)];
}

export const reshape: Operator = {
  domain: '',
  op: 'Reshape',
  inputCount: { min: 2, max: 2 },
  infer,
  gradient: (context) => [
    reshapeTo(context.build, context.outputGradient, context.type(context.input(0)).dims),
    undefined,
  ],
  tensorflow: tensorflowReshape,
};
