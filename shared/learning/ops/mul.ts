/** Mul (ONNX Mul-14) with broadcasting. */
import type { Operator } from './operator.ts';
import { broadcastInputs, reduceTo } from './rules.ts';
import { tensorflowBinary } from './tensorflow-rules.ts';

export const mul: Operator = {
  domain: '',
  op: 'Mul',
  inputCount: { min: 2, max: 2 },
  infer: broadcastInputs,
  gradient: (context) => {
    const { build, outputGradient: dy } = context;
    const [a, b] = [context.input(0), context.input(1)];
    return [
      context.needs(0) ? reduceTo(build, build.op('Mul', [dy, b]), context.type(a).dims) : undefined,
      context.needs(1) ? reduceTo(build, build.op('Mul', [dy, a]), context.type(b).dims) : undefined,
    ];
  },
  tensorflow: tensorflowBinary((lib, a, b) => lib.mul(a, b)),
};
