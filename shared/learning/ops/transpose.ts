/** Transpose (ONNX Transpose-13). */
import { GraphError } from '../../errors.ts';
import { describeNode, ints, intsOf } from '../graph/attributes.ts';
import { float32 } from '../graph/shapes.ts';
import type { Node } from '../graph/types.ts';
import type { Operator } from './operator.ts';
import { handOn } from './tensorflow-rules.ts';

/** The permutation of a Transpose node; the default reverses the axes. @throws GraphError when it is none. */
export function permutationOf(node: Node, rank: number): readonly number[] {
  const perm = intsOf(node, 'perm') ?? Array.from({ length: rank }, (_, axis) => rank - 1 - axis);
  if (perm.length !== rank || new Set(perm).size !== rank || perm.some((axis) => axis < 0 || axis >= rank)) {
    throw new GraphError(`"perm" of ${describeNode(node)} is no permutation of ${String(rank)} axes.`);
  }
  return perm;
}

export const transpose: Operator = {
  domain: '',
  op: 'Transpose',
  inputCount: { min: 1, max: 1 },
  infer: (context) => {
    const { dims } = context.input(0);
    return [float32(permutationOf(context.node, dims.length).map((axis) => dims[axis] ?? 0))];
  },
  gradient: (context) => {
    const perm = permutationOf(context.node, context.type(context.input(0)).dims.length);
    const inverse = perm.map((_, axis) => perm.indexOf(axis));
    return [context.build.op('Transpose', [context.outputGradient], { perm: ints(inverse) })];
  },
  tensorflow: (context) => {
    const value = context.plain(0);
    return [handOn(context.tf, context.tf.transpose(value, [...permutationOf(context.node, value.rank)]))];
  },
};
