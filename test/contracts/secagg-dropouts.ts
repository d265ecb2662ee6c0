/** Sites that drop: whatever the moment, the round gives the exact integer sum of the survivors or ends without having unmasked. */
import { describe, expect, it } from 'vitest';
import type { SiteMessage } from '../../shared/protocol/messages.ts';
import { isInSum, namesOf, POINTS } from './dropout-patterns.ts';
import {
  expectedWeights,
  runSecagg,
  site,
  type DropPoint,
  type SecaggOptions,
  type SecaggOutcome,
  type TransportFactory,
} from './secagg-world.ts';

/** No site has revealed anything twice or differently, and what was published is the sum of who should be in it. */
function expectExact(
  outcome: SecaggOutcome,
  names: readonly string[],
  drops: SecaggOptions['drops'] = {},
): void {
  const survivors = names.filter((name) => drops[name] === undefined || isInSum(drops[name])).map(site);
  const [record] = outcome.records;
  expect(record).toMatchObject({ outcome: 'published', survivors });
  expect(outcome.finalWeights).toEqual(expectedWeights(outcome.plan, survivors, names.length));
  for (const name of names) expect(revealedBy(outcome, name).length).toBeLessThanOrEqual(1);
}

const revealedBy = ({ world }: SecaggOutcome, name: string): SiteMessage[] =>
  world.up.flatMap(({ siteId, message }) =>
    siteId === name && message.type === 'unmasked' ? [message] : [],
  );

export interface DropoutSuite {
  /** At which moments each of four sites goes. */
  readonly points: readonly DropPoint[];
}

/** Over every transport; the tables of `secagg-dropout-table.ts` have all patterns, in memory. */
export function secaggDropoutContract(
  name: string,
  factory: TransportFactory,
  { points }: DropoutSuite,
): void {
  describe(`secure aggregation, dropouts: ${name}`, () => {
    it('gives the exact integer sum when all stay', async () => {
      const outcome = await runSecagg(factory);
      expectExact(outcome, namesOf(5));
    });

    it.each(points)('of four sites any one may go, %s', async (point) => {
      const names = namesOf(4);
      for (const leaver of names) {
        const drops = { [leaver]: point };
        const outcome = await runSecagg(factory, { names, drops, federation: { minimumCohort: 3 } });
        expectExact(outcome, names, drops);
      }
    });
  });
}

/** What needs a simulated clock: sites that come back, deadlines that pass. */
export function secaggReturnContract(name: string, factory: TransportFactory): void {
  describe(`secure aggregation, sites that come back: ${name}`, () => {
    it.each(POINTS)('one that goes %s and comes back late changes nothing', async (point) => {
      const drops = { b: point };
      const outcome = await runSecagg(factory, { drops, backAfterMs: 35, federation: { minimumCohort: 4 } });
      expectExact(outcome, namesOf(5), drops);
    });

    it.each(POINTS)('ends without having unmasked when too many go %s', async (point) => {
      const drops = { a: point, c: point };
      const outcome = await runSecagg(factory, { drops, federation: { minimumCohort: 3 } });
      const [record] = outcome.records;
      const revealed = namesOf(5).flatMap((siteName) => revealedBy(outcome, siteName));
      if (point === 'after unmasked') {
        expectExact(outcome, namesOf(5));
        return;
      }
      expect(record).toMatchObject({ outcome: 'aborted', reason: 'below-threshold' });
      expect(revealed.length).toBeLessThan(4);
      expect(outcome.finalWeights).toEqual(new Float32Array(outcome.plan.parameterCount));
    });

    it('goes on with the next round number when unmasking has begun, and with the same one when it has not', async () => {
      const federation = { minimumCohort: 3, maximumConsecutiveAborts: 2 };
      const back = { backAfterMs: 4000, rounds: 2, federation };
      const late = await runSecagg(factory, {
        ...back,
        drops: { a: 'before unmasked', b: 'before unmasked' },
      });
      expect(late.records.slice(0, 2)).toMatchObject([
        { round: 1, attempt: 1, outcome: 'aborted', spent: true },
        { round: 2, attempt: 1 },
      ]);
      const early = await runSecagg(factory, { ...back, drops: { a: 'before shares', b: 'before shares' } });
      expect(early.records.slice(0, 2)).toMatchObject([
        { round: 1, attempt: 1, outcome: 'aborted' },
        { round: 1, attempt: 2 },
      ]);
    });
  });
}
