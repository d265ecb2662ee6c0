/** Sqrt (ONNX Sqrt-13): dy/(2y). */
import type { Operator } from './operator.ts';
import { elementwise, outputOf, sameAsInput } from './rules.ts';
import { tensorflowUnary } from './tensorflow-rules.ts';

export const sqrt: Operator = {
  domain: '',
  op: 'Sqrt',
  inputCount: { min: 1, max: 1 },
  infer: sameAsInput,
  gradient: elementwise((context) => {
    const { build, outputGradient: dy } = context;
    return build.op('Div', [build.op('Mul', [dy, build.scalar(0.5)]), outputOf(context)]);
  }),
  tensorflow: tensorflowUnary((lib, x) => lib.sqrt(x)),
};
