/** Neg (ONNX Neg-13). */
import type { Operator } from './operator.ts';
import { elementwise, sameAsInput } from './rules.ts';
import { tensorflowUnary } from './tensorflow-rules.ts';

export const neg: Operator = {
  domain: '',
  op: 'Neg',
  inputCount: { min: 1, max: 1 },
  infer: sameAsInput,
  gradient: elementwise(({ build, outputGradient }) => build.op('Neg', [outputGradient])),
  tensorflow: tensorflowUnary((lib, x) => lib.neg(x)),
};
