/** Erf (ONNX Erf-13): dy·(2/√π)·exp(−x²). */
import type { Operator } from './operator.ts';
import { elementwise, sameAsInput } from './rules.ts';
import { tensorflowUnary } from './tensorflow-rules.ts';

export const erf: Operator = {
  domain: '',
  op: 'Erf',
  inputCount: { min: 1, max: 1 },
  infer: sameAsInput,
  gradient: elementwise((context) => {
    const { build, outputGradient: dy } = context;
    const x = context.input(0);
    const density = build.op('Exp', [build.op('Neg', [build.op('Mul', [x, x])])]);
    return build.op('Mul', [dy, build.op('Mul', [density, build.scalar(2 / Math.sqrt(Math.PI))])]);
  }),
  tensorflow: tensorflowUnary((lib, x) => lib.erf(x)),
};
