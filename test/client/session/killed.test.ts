import { describe, expect, it } from 'vitest';
import type { AttemptRecord } from '../../../coordinator/run/progress.ts';
import { planOf } from '../../coordinator/fixtures.ts';
import { siteIdSchema } from '../../../shared/ids.ts';
import { formula, remembering } from '../../simulations/virtual/mini-federation.ts';
import { runKilling, VICTIM } from './kill-world.ts';

const names = ['a', 'b', 'c', 'd'];
const federation = { minimumCohort: 3, minimumSurvivors: 3 };

const survivorsOf = (records: readonly AttemptRecord[]) =>
  records.map((record) => (record.outcome === 'aborted' ? [] : record.survivors));

const masked = { protection: { mode: 'secure-aggregation' as const, smallCohortAcknowledged: true } };
const sgd = { optimizer: { kind: 'sgd' as const, momentum: 0 } };

describe.each([
  ['under secure aggregation', planOf({ ...federation, rounds: 1 }, masked), 1, formula],
  ['under boxes', planOf({ ...federation, rounds: 2 }, { protection: { mode: 'box' } }), 1, formula],
  [
    'under secure aggregation, with class counts first',
    planOf(
      { ...federation, rounds: 1 },
      { ...masked, training: { epochs: 1, classWeighting: { kind: 'federated' } } },
    ),
    // The same phases twice: every fifth act meets each of them.
    5,
    formula,
  ],
  [
    'with a state that it keeps from round to round',
    planOf({ ...federation, rounds: 2, strategy: 'scaffold' }, { training: { epochs: 1, ...sgd } }),
    5,
    remembering,
  ],
])('a site that is killed, %s', (_name, plan, every, trainerOf) => {
  const { rounds } = plan.federation;

  it('goes on with what it had said, whatever act it was killed before', async () => {
    const whole = await runKilling(plan, names, Infinity, { trainerOf });
    expect(whole.end).toEqual({ kind: 'finished', because: 'all-rounds' });
    expect(whole.leftOver).toEqual([]);
    expect([...whole.modes]).toEqual([0o600]);
    expect(whole.acts).toContain('write update');
    expect(whole.acts.length).toBeGreaterThanOrEqual(20);
    for (const [at, act] of whole.acts.entries()) {
      if (at % every !== 0) continue;
      const killed = await runKilling(plan, names, at, { trainerOf });
      const point = `killed before act ${String(at)}, ${act}`;
      expect(killed.acts, point).toContain(`killed before ${act}`);
      expect(killed.leftOver, point).toEqual([]);
      for (const [message, digests] of killed.sent) expect(digests.size, `${point}: ${message}`).toBe(1);
      // It had agreed to the round, but said nothing yet: it sits out this one round and no other.
      if (act === 'write plan' || (act === 'write secrets' && whole.acts[at - 1] === 'write plan')) {
        expect(killed.refusals, point).toEqual(['round-not-increasing']);
        expect(
          survivorsOf(killed.records).filter((survivors) => !survivors.includes(VICTIM)),
          point,
        ).toHaveLength(1);
        continue;
      }
      expect(killed.refusals, point).toEqual([]);
      expect(survivorsOf(killed.records), point).toEqual(survivorsOf(whole.records));
      expect(killed.finalWeights, point).toEqual(whole.finalWeights);
      // A site that still had something to say in the round was told of its end, and has the receipt.
      const rest = whole.acts.slice(at, whole.acts.indexOf('write closed', at));
      const isTold = rest.some((later) => later.startsWith('send'));
      expect(killed.receipts.length, point).toBeGreaterThanOrEqual(isTold ? rounds : rounds - 1);
    }
  });
});

describe('a site that is killed in a round that is repeated without a site that cheats', () => {
  const five = ['a', 'b', 'c', 'd', 'e'];
  const plan = planOf(
    { minimumCohort: 4, minimumSurvivors: 3, rounds: 1 },
    { protection: { mode: 'secure-aggregation' as const, smallCohortAcknowledged: true } },
  );
  const options = { victim: siteIdSchema.parse('c'), isSpoilt: true };

  it('goes on with what it had said, and answers with no other sum', async () => {
    const whole = await runKilling(plan, five, Infinity, options);
    expect(whole.records).toMatchObject([
      { attempt: 1, outcome: 'aborted', reason: 'unmasking-failed', spent: true },
      { attempt: 2, outcome: 'published', survivors: ['a', 'c', 'd', 'e'] },
    ]);
    const repeated = whole.acts.lastIndexOf('write plan');
    expect(repeated).toBeGreaterThan(whole.acts.indexOf('write plan'));
    expect([...whole.sent.keys()].filter((key) => key.startsWith('unmasked'))).toHaveLength(2);
    for (let at = repeated - 1; at < whole.acts.length; at++) {
      const killed = await runKilling(plan, five, at, options);
      const point = `killed before act ${String(at)}, ${String(whole.acts[at])}`;
      expect(killed.leftOver, point).toEqual([]);
      for (const [message, digests] of killed.sent) expect(digests.size, `${point}: ${message}`).toBe(1);
      // Without the secrets of the repetition it does not know any more that others had spoilt the sum.
      const isLost = at <= whole.acts.indexOf('write secrets', repeated);
      expect(new Set(killed.refusals), point).toEqual(new Set(isLost ? ['already-unmasked'] : []));
      if (isLost) {
        expect(killed.sent.has('unmasked 1.2'), point).toBe(false);
        expect(
          killed.records.every(({ outcome }) => outcome === 'aborted'),
          point,
        ).toBe(true);
        continue;
      }
      expect(survivorsOf(killed.records), point).toEqual(survivorsOf(whole.records));
      expect(killed.finalWeights, point).toEqual(whole.finalWeights);
    }
  });
});
