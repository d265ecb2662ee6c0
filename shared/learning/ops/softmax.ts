/** Softmax (ONNX Softmax-13) over the last axis: the probabilities of an exported model. Training uses the loss below. */
import { GraphError } from '../../errors.ts';
import { describeNode, intOf } from '../graph/attributes.ts';
import { normalizeAxis } from '../graph/shapes.ts';
import type { Operator } from './operator.ts';
import { elementwise, outputOf, sameAsInput } from './rules.ts';
import { handOn } from './tensorflow-rules.ts';

export const softmax: Operator = {
  domain: '',
  op: 'Softmax',
  inputCount: { min: 1, max: 1 },
  infer: (context) => {
    const rank = context.input(0).dims.length;
    if (normalizeAxis(intOf(context.node, 'axis', -1), rank, context.node) !== rank - 1) {
      throw new GraphError(`${describeNode(context.node)} must work on the last axis.`);
    }
    return sameAsInput(context);
  },
  gradient: elementwise((context) => {
    const { build, outputGradient: dy } = context;
    const y = outputOf(context);
    const weighted = build.op('Mul', [dy, y]);
    const total = build.op('ReduceSum', [weighted, build.ints([-1])]);
    return build.op('Sub', [weighted, build.op('Mul', [y, total])]);
  }),
  tensorflow: (context) => [handOn(context.tf, context.tf.softmax(context.plain(0)))],
};
