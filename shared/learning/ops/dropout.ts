/**
 * Dropout (ONNX Dropout-13 in a forward graph). Training replaces it by `MaskedDropout`, whose mask of 0 and 1/(1−ratio)
 * is an input, so that the same seed drops the same values on every engine; inference passes values on unchanged.
 */
import { GraphError } from '../../errors.ts';
import { describeNode } from '../graph/attributes.ts';
import { float32, sameDims } from '../graph/shapes.ts';
import type { Operator } from './operator.ts';
import { sameAsInput } from './rules.ts';

/** The ratio is attribute `ratio`; the written file carries it as ONNX's second input. */
export const dropout: Operator = {
  domain: 'consilium',
  op: 'Dropout',
  inputCount: { min: 1, max: 1 },
  infer: sameAsInput,
};

/** (x, mask) → x·mask, of equal shapes. */
export const maskedDropout: Operator = {
  domain: 'consilium',
  op: 'MaskedDropout',
  inputCount: { min: 2, max: 2 },
  infer: (context) => {
    if (!sameDims(context.input(0).dims, context.input(1).dims)) {
      throw new GraphError(`The mask of ${describeNode(context.node)} must have the shape of its input.`);
    }
    return [float32(context.input(0).dims)];
  },
  gradient: (context) => [
    context.build.own('MaskedDropout', [context.outputGradient, context.input(1)])[0],
    undefined,
  ],
  tensorflow: (context) => [context.tf.mul(context.asHandedOn(0), context.asHandedOn(1))],
};
