/** Relu (ONNX Relu-14). Its gradient needs only the output: it is positive exactly where the input was. */
import type { Operator } from './operator.ts';
import { outputOf, sameAsInput } from './rules.ts';
import { tensorflowUnary } from './tensorflow-rules.ts';

export const relu: Operator = {
  domain: '',
  op: 'Relu',
  inputCount: { min: 1, max: 1 },
  infer: sameAsInput,
  gradient: (context) => context.build.own('ReluGrad', [outputOf(context), context.outputGradient]),
  tensorflow: tensorflowUnary((lib, x) => lib.relu(x)),
};

/** (y, dy) → dy where y > 0, else 0. */
export const reluGrad: Operator = {
  domain: 'consilium',
  op: 'ReluGrad',
  inputCount: { min: 2, max: 2 },
  infer: sameAsInput,
};
