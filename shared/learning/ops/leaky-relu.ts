/** LeakyRelu (ONNX LeakyRelu-16): x for x > 0, alpha·x elsewhere. */
import { float, floatOf } from '../graph/attributes.ts';
import type { Operator } from './operator.ts';
import { sameAsInput } from './rules.ts';

/** ONNX's default. */
export const LEAKY_RELU_ALPHA = 0.01;

export const leakyRelu: Operator = {
  domain: '',
  op: 'LeakyRelu',
  inputCount: { min: 1, max: 1 },
  infer: sameAsInput,
  gradient: (context) =>
    context.build.own('LeakyReluGrad', [context.input(0), context.outputGradient], {
      alpha: float(floatOf(context.node, 'alpha', LEAKY_RELU_ALPHA)),
    }),
  tensorflow: (context) => [
    context.tf.leakyRelu(context.asHandedOn(0), floatOf(context.node, 'alpha', LEAKY_RELU_ALPHA)),
  ],
};

/** (x, dy) → dy where x > 0, else alpha·dy. */
export const leakyReluGrad: Operator = {
  domain: 'consilium',
  op: 'LeakyReluGrad',
  inputCount: { min: 2, max: 2 },
  infer: sameAsInput,
};
