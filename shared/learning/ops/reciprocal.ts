/** Reciprocal (ONNX Reciprocal-13): −dy·y². */
import type { Operator } from './operator.ts';
import { elementwise, outputOf, sameAsInput } from './rules.ts';
import { tensorflowUnary } from './tensorflow-rules.ts';

export const reciprocal: Operator = {
  domain: '',
  op: 'Reciprocal',
  inputCount: { min: 1, max: 1 },
  infer: sameAsInput,
  gradient: elementwise((context) => {
    const { build, outputGradient: dy } = context;
    const y = outputOf(context);
    return build.op('Neg', [build.op('Mul', [dy, build.op('Mul', [y, y])])]);
  }),
  tensorflow: tensorflowUnary((lib, x) => lib.reciprocal(x)),
};
