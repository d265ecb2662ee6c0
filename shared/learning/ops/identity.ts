/** Identity (ONNX Identity-21). */
import type { Operator } from './operator.ts';
import { elementwise, sameAsInput } from './rules.ts';
import { tensorflowUnary } from './tensorflow-rules.ts';

export const identity: Operator = {
  domain: '',
  op: 'Identity',
  inputCount: { min: 1, max: 1 },
  infer: sameAsInput,
  gradient: elementwise(({ outputGradient }) => outputGradient),
  tensorflow: tensorflowUnary((lib, x) => lib.clone(x)),
};
