/** Add (ONNX Add-14) with broadcasting. */
import type { Operator } from './operator.ts';
import { broadcastInputs, reduceTo } from './rules.ts';
import { tensorflowBinary } from './tensorflow-rules.ts';

export const add: Operator = {
  domain: '',
  op: 'Add',
  inputCount: { min: 2, max: 2 },
  infer: broadcastInputs,
  gradient: (context) =>
    [0, 1].map((index) =>
      context.needs(index)
        ? reduceTo(context.build, context.outputGradient, context.type(context.input(index)).dims)
        : undefined,
    ),
  tensorflow: tensorflowBinary((lib, a, b) => lib.add(a, b)),
};
