/** Element-wise helpers of derived graphs that no model needs: not differentiated. */
import type { Operator } from './operator.ts';
import { broadcastInputs } from './rules.ts';

const binary = (op: string): Operator => ({
  domain: '',
  op,
  inputCount: { min: 2, max: 2 },
  infer: broadcastInputs,
});

export const plainMath: readonly Operator[] = [binary('Max'), binary('Min')];
