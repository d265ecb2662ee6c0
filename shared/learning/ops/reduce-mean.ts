/** ReduceMean (ONNX ReduceMean-18, axes as a constant input). */
import type { Operator } from './operator.ts';
import { inferReduction, spread, tensorflowReduction } from './reduce-sum.ts';

export const reduceMean: Operator = {
  domain: '',
  op: 'ReduceMean',
  inputCount: { min: 1, max: 2 },
  infer: inferReduction,
  gradient: (context) => [spread(context, (count) => 1 / count), undefined],
  tensorflow: (context) => tensorflowReduction(context, context.tf.mean),
};
