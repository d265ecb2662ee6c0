/** Tanh (ONNX Tanh-13): dy·(1 − y²). */
import type { Operator } from './operator.ts';
import { elementwise, outputOf, sameAsInput } from './rules.ts';
import { tensorflowUnary } from './tensorflow-rules.ts';

export const tanh: Operator = {
  domain: '',
  op: 'Tanh',
  inputCount: { min: 1, max: 1 },
  infer: sameAsInput,
  gradient: elementwise((context) => {
    const { build, outputGradient: dy } = context;
    const y = outputOf(context);
    return build.op('Sub', [dy, build.op('Mul', [dy, build.op('Mul', [y, y])])]);
  }),
  tensorflow: tensorflowUnary((lib, x) => lib.tanh(x)),
};
