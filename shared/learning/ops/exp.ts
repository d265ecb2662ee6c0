/** Exp (ONNX Exp-13): dy·y. */
import type { Operator } from './operator.ts';
import { elementwise, outputOf, sameAsInput } from './rules.ts';
import { tensorflowUnary } from './tensorflow-rules.ts';

export const exp: Operator = {
  domain: '',
  op: 'Exp',
  inputCount: { min: 1, max: 1 },
  infer: sameAsInput,
  gradient: elementwise((context) => context.build.op('Mul', [context.outputGradient, outputOf(context)])),
  tensorflow: tensorflowUnary((lib, x) => lib.exp(x)),
};
