/** Expand (ONNX Expand-13) to a constant shape: the gradient of the reductions. */
import { broadcastDims, float32 } from '../graph/shapes.ts';
import type { Operator } from './operator.ts';

export const expand: Operator = {
  domain: '',
  op: 'Expand',
  inputCount: { min: 2, max: 2 },
  infer: (context) => [
    float32(broadcastDims(context.input(0).dims, context.constantInts(1) ?? [], context.node)),
  ],
};
