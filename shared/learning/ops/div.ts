/** Div (ONNX Div-14) with broadcasting: ∂(a/b)/∂b = −(a/b)/b. */
import type { Operator } from './operator.ts';
import { broadcastInputs, outputOf, reduceTo } from './rules.ts';
import { tensorflowBinary } from './tensorflow-rules.ts';

export const div: Operator = {
  domain: '',
  op: 'Div',
  inputCount: { min: 2, max: 2 },
  infer: broadcastInputs,
  gradient: (context) => {
    const { build, outputGradient: dy } = context;
    const [a, b] = [context.input(0), context.input(1)];
    const quotient = build.op('Div', [dy, b]);
    const dims = (name: string): readonly number[] => context.type(name).dims;
    return [
      context.needs(0) ? reduceTo(build, quotient, dims(a)) : undefined,
      context.needs(1)
        ? reduceTo(build, build.op('Neg', [build.op('Mul', [quotient, outputOf(context)])]), dims(b))
        : undefined,
    ];
  },
  tensorflow: tensorflowBinary((lib, a, b) => lib.div(a, b)),
};
