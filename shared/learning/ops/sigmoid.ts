/** Sigmoid (ONNX Sigmoid-13): dy·y·(1−y). */
import type { Operator } from './operator.ts';
import { elementwise, outputOf, sameAsInput } from './rules.ts';
import { tensorflowUnary } from './tensorflow-rules.ts';

export const sigmoid: Operator = {
  domain: '',
  op: 'Sigmoid',
  inputCount: { min: 1, max: 1 },
  infer: sameAsInput,
  gradient: elementwise((context) => {
    const { build, outputGradient } = context;
    const y = outputOf(context);
    const slope = build.op('Sub', [y, build.op('Mul', [y, y])]);
    return build.op('Mul', [outputGradient, slope]);
  }),
  tensorflow: tensorflowUnary((lib, x) => lib.sigmoid(x)),
};
