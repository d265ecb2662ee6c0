/** Flatten (ONNX Flatten-13): everything before `axis` and everything from it become one dimension each. */
import { intOf } from '../graph/attributes.ts';
import { float32 } from '../graph/shapes.ts';
import type { Operator } from './operator.ts';
import { reshape } from './rules.ts';
import { tensorflowReshape } from './tensorflow-rules.ts';

const product = (dims: readonly number[]): number => dims.reduce((a, b) => a * b, 1);

export const flatten: Operator = {
  domain: '',
  op: 'Flatten',
  inputCount: { min: 1, max: 1 },
  infer: (context) => {
    const { dims } = context.input(0);
    const axis = intOf(context.node, 'axis', 1);
    const split = axis < 0 ? axis + dims.length : axis;
    return [float32([product(dims.slice(0, split)), product(dims.slice(split))])];
  },
  gradient: (context) => [
    reshape(context.build, context.outputGradient, context.type(context.input(0)).dims),
  ],
  tensorflow: tensorflowReshape,
};
