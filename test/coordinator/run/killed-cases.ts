/**
 * The kinds of rounds that a coordinator is killed in, and what has to be the same afterwards. How many of the moments are
 * tried is for the tests to say.
 */
import { describe, expect, it } from 'vitest';
import type { AttemptRecord } from '../../../coordinator/run/progress.ts';
import { formula, remembering } from '../../simulations/virtual/mini-federation.ts';
import { planOf } from '../fixtures.ts';
import { runKilled } from './killed-world.ts';

const names = ['a', 'b', 'c', 'd'];
const federation = { minimumCohort: 3, minimumSurvivors: 3, rounds: 2 };
const masked = { protection: { mode: 'secure-aggregation' as const, smallCohortAcknowledged: true } };

/** Keys are new in every federation, and so is what is hashed of them. */
function withoutTranscript(record: AttemptRecord): Partial<AttemptRecord> {
  const rest: Partial<AttemptRecord> & { transcript?: string } = { ...record };
  delete rest.transcript;
  return rest;
}

const CASES = {
  boxes: [planOf(federation), formula],
  'secure aggregation': [planOf(federation, masked), formula],
  'class counts first, under secure aggregation': [
    planOf(federation, { ...masked, training: { epochs: 1, classWeighting: { kind: 'federated' } } }),
    formula,
  ],
  SCAFFOLD: [
    planOf(
      { ...federation, strategy: 'scaffold', rounds: 3 },
      { training: { epochs: 1, optimizer: { kind: 'sgd', momentum: 0 } } },
    ),
    remembering,
  ],
} as const;

const MOMENTS = ['before', 'after', 'leave'] as const;

/** @param strides of the moments in each case: of every durable write there are three, one after the other */
export function describeKilled(strides: Readonly<Record<keyof typeof CASES, number>>): void {
  describe.each(Object.entries(CASES))('a coordinator that is killed, with %s', (name, [plan, trainerOf]) => {
    const stride = Object.entries(strides).find(([other]) => other === name)?.[1] ?? 1;

    it('goes on in the same attempt, whatever write it was killed or closed at', async () => {
      const whole = await runKilled(plan, names, undefined, trainerOf);
      expect(whole.end).toEqual({ kind: 'finished', because: 'all-rounds' });
      expect(whole.lives).toBe(1);
      expect(whole.writes.length).toBeGreaterThan(20);
      const moments = whole.writes.flatMap((write, at) => MOMENTS.map((when) => ({ write, at, when })));
      for (let i = 0; i < moments.length; i += stride) {
        const { write, at, when } = moments[i] ?? { write: '', at: 0, when: 'after' };
        const killed = await runKilled(plan, names, { at, when }, trainerOf);
        const point = `${when} write ${String(at)}, ${write}`;
        expect(killed.lives, point).toBe(2);
        expect(killed.refusals, point).toEqual([]);
        expect(killed.records.map(withoutTranscript), point).toEqual(whole.records.map(withoutTranscript));
        expect(killed.finalWeights, point).toEqual(whole.finalWeights);
      }
    });
  });
}
