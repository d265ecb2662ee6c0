/** Sums over gradients of single examples [N, …dims]; how those are laid out in memory is the lowering's business. */
import { float32 } from '../graph/shapes.ts';
import type { Operator } from './operator.ts';

/** [N, …dims] → squared L2 norm of each example, [N, 1]. */
export const exampleSquaredNorm: Operator = {
  domain: 'consilium',
  op: 'ExampleSquaredNorm',
  inputCount: { min: 1, max: 1 },
  infer: (context) => [float32([context.input(0).dims[0] ?? 0, 1])],
};

/** (row of factors [1, N], [N, …dims]) → the weighted sum over the examples, dims. */
export const exampleSum: Operator = {
  domain: 'consilium',
  op: 'ExampleSum',
  inputCount: { min: 2, max: 2 },
  infer: (context) => [float32(context.input(1).dims.slice(1))],
};
