import { expect, it } from 'vitest';
import { nextPosition } from '../../../simulations/virtual/federation.ts';
import { planOf } from '../../coordinator/fixtures.ts';

const plan = planOf();
const aborted = { outcome: 'aborted', round: 3, attempt: 2, reason: 'below-threshold', dropped: [] } as const;

it('faults are planned for the attempt that the run really makes', () => {
  expect(nextPosition(plan, undefined)).toEqual({ round: 1, attempt: 1 });
  expect(nextPosition(plan, aborted)).toEqual({ round: 3, attempt: 3 });
  // Sites have unmasked: the number of the round is not used again.
  expect(nextPosition(plan, { ...aborted, spent: true })).toEqual({ round: 4, attempt: 1 });
});
