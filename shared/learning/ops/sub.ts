/** Sub (ONNX Sub-14) with broadcasting. */
import type { Operator } from './operator.ts';
import { broadcastInputs, reduceTo } from './rules.ts';
import { tensorflowBinary } from './tensorflow-rules.ts';

export const sub: Operator = {
  domain: '',
  op: 'Sub',
  inputCount: { min: 2, max: 2 },
  infer: broadcastInputs,
  gradient: (context) => {
    const { build, outputGradient: dy } = context;
    const dims = (index: number): readonly number[] => context.type(context.input(index)).dims;
    return [
      context.needs(0) ? reduceTo(build, dy, dims(0)) : undefined,
      context.needs(1) ? build.op('Neg', [reduceTo(build, dy, dims(1))]) : undefined,
    ];
  },
  tensorflow: tensorflowBinary((lib, a, b) => lib.sub(a, b)),
};
