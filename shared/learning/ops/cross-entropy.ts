/**
 * The two losses, each with its gradient as a second output: the loss is the root of every training graph.
 * Inputs: logits [N, K], targets [N, K], weights [N]. Outputs: Σ weightₙ·lossₙ (scalar), its gradient [N, K].
 * Label smoothing s (Szegedy et al. 2016, §7): softmax targets become (1−s)·t + s/K, sigmoid targets (1−s)·t + s/2.
 */
import { GraphError } from '../../errors.ts';
import { describeNode } from '../graph/attributes.ts';
import { float32, requireRank, sameDims } from '../graph/shapes.ts';
import type { TensorType } from '../graph/types.ts';
import type { Operator, ShapeContext } from './operator.ts';

function infer(context: ShapeContext): readonly TensorType[] {
  const logits = requireRank(context.node, context.input(0), 2);
  if (!sameDims(context.input(1).dims, logits) || !sameDims(context.input(2).dims, logits.slice(0, 1))) {
    throw new GraphError(`Targets or weights of ${describeNode(context.node)} do not fit the logits.`);
  }
  return [float32([]), float32(logits)];
}

const loss = (op: string): Operator => ({
  domain: 'consilium',
  op,
  inputCount: { min: 3, max: 3 },
  infer,
});

/** −Σₖ tₖ·log softmax(z)ₖ for each example. */
export const softmaxCrossEntropy: Operator = loss('SoftmaxCrossEntropy');

/** Σₖ max(z, 0) − z·t + log(1 + e^−|z|) for each example. */
export const sigmoidCrossEntropy: Operator = loss('SigmoidCrossEntropy');
