/** Clip (ONNX Clip-13) with constant scalar bounds; the gradient passes strictly between them. */
import type * as tf from '@tensorflow/tfjs';
import { GraphError } from '../../errors.ts';
import { describeNode } from '../graph/attributes.ts';
import type { Operator, ShapeContext, TensorFlowContext } from './operator.ts';
import { sameAsInput } from './rules.ts';

function infer(context: ShapeContext): ReturnType<Operator['infer']> {
  for (const bound of context.inputs.slice(1)) {
    if (bound && bound.dims.length !== 0) {
      throw new GraphError(`The bounds of ${describeNode(context.node)} must be scalars.`);
    }
  }
  return sameAsInput(context);
}

/** With a gradient of its own, because TensorFlow.js's clipByValue lets it pass at the bounds too. */
function tensorflow(context: TensorFlowContext): readonly tf.Tensor[] {
  const { tf: lib } = context;
  const low = context.has(1) ? context.plain(1) : lib.scalar(-Infinity);
  const high = context.has(2) ? context.plain(2) : lib.scalar(Infinity);
  const apply = lib.customGrad((...inputs) => {
    // What TensorFlow.js passes for one argument; what is not saved is gone when the gradient is computed.
    const [x, save] = inputs as unknown as [tf.Tensor, tf.GradSaveFunc];
    const inside = lib.logicalAnd(lib.greater(x, low), lib.less(x, high));
    save([lib.cast(inside, 'float32')]);
    return {
      value: lib.minimum(lib.maximum(x, low), high),
      gradFunc: (dy: tf.Tensor, [mask]: tf.Tensor[]) => (mask === undefined ? dy : lib.mul(dy, mask)),
    };
  });
  return [apply(context.asHandedOn(0))];
}

export const clip: Operator = {
  domain: '',
  op: 'Clip',
  inputCount: { min: 1, max: 3 },
  infer,
  gradient: (context) => [
    context.build.own(
      'ClipGrad',
      [...context.node.inputs, '', ''].slice(0, 3).concat(context.outputGradient),
    )[0],
  ],
  tensorflow,
};

/** (x, low, high, dy) → dy where low < x < high, else 0; an omitted bound is infinite. */
export const clipGrad: Operator = {
  domain: 'consilium',
  op: 'ClipGrad',
  inputCount: { min: 4, max: 4 },
  infer: sameAsInput,
};
