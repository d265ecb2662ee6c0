/** HardSigmoid (ONNX HardSigmoid-6): max(0, min(1, alpha·x + beta)). */
import type * as tf from '@tensorflow/tfjs';
import { float, floatOf } from '../graph/attributes.ts';
import type { Node } from '../graph/types.ts';
import type { Operator, TensorFlowContext } from './operator.ts';
import { outputOf, sameAsInput } from './rules.ts';

/** ONNX's defaults. */
const slopeOf = (node: Node): number => floatOf(node, 'alpha', 0.2);
const offsetOf = (node: Node): number => floatOf(node, 'beta', 0.5);

function tensorflow(context: TensorFlowContext): readonly tf.Tensor[] {
  const { tf: lib, node } = context;
  const line = lib.add(lib.mul(context.asHandedOn(0), slopeOf(node)), offsetOf(node));
  return [lib.sub(1, lib.relu(lib.sub(1, lib.relu(line))))];
}

export const hardSigmoid: Operator = {
  domain: '',
  op: 'HardSigmoid',
  inputCount: { min: 1, max: 1 },
  infer: sameAsInput,
  gradient: (context) =>
    context.build.own('HardSigmoidGrad', [outputOf(context), context.outputGradient], {
      alpha: float(slopeOf(context.node)),
    }),
  tensorflow,
};

/** (y, dy) → alpha·dy where 0 < y < 1, else 0. */
export const hardSigmoidGrad: Operator = {
  domain: 'consilium',
  op: 'HardSigmoidGrad',
  inputCount: { min: 2, max: 2 },
  infer: sameAsInput,
};
