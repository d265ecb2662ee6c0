/** Expand (ONNX Expand-13) to a constant shape: the gradient of the reductions. */
import type * as tf from '@tensorflow/tfjs';
import { broadcastDims, float32 } from '../graph/shapes.ts';
import type { Operator, TensorFlowContext } from './operator.ts';
import { reduceTo } from './rules.ts';
import { handOn } from './tensorflow-rules.ts';

/** Times ones, because the gradient of TensorFlow.js's broadcast knows no added dimensions on every backend. */
function tensorflow(context: TensorFlowContext): readonly tf.Tensor[] {
  const { tf: lib, node } = context;
  const { dims } = context.type(node.outputs[0] ?? '');
  return [handOn(lib, lib.mul(context.plain(0), lib.ones([...dims])))];
}

export const expand: Operator = {
  domain: '',
  op: 'Expand',
  inputCount: { min: 2, max: 2 },
  infer: (context) => [
    float32(broadcastDims(context.input(0).dims, context.constantInts(1) ?? [], context.node)),
  ],
  gradient: (context) => [
    reduceTo(context.build, context.outputGradient, context.type(context.input(0)).dims),
    undefined,
  ],
  tensorflow,
};
