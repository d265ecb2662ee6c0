/** Element-wise helpers of derived graphs that no model needs: not differentiated. */
import type { Operator } from './operator.ts';
import { broadcastInputs, sameAsInput } from './rules.ts';

const unary = (op: string): Operator => ({
  domain: '',
  op,
  inputCount: { min: 1, max: 1 },
  infer: sameAsInput,
});
const binary = (op: string): Operator => ({
  domain: '',
  op,
  inputCount: { min: 2, max: 2 },
  infer: broadcastInputs,
});

export const plainMath: readonly Operator[] = [unary('Sqrt'), binary('Max'), binary('Min')];
