/** Sites that drop: whatever the moment, the round gives the exact integer sum of the survivors or ends without having unmasked. */
import { describe, expect, it } from 'vitest';
import { createRng, deriveSeed } from '../../shared/rng.ts';
import type { SiteMessage } from '../../shared/protocol/messages.ts';
import {
  expectedWeights,
  runSecagg,
  site,
  type DropPoint,
  type SecaggOptions,
  type SecaggOutcome,
  type TransportFactory,
} from './secagg-world.ts';

const ANSWERS = [
  'advertise',
  'shares',
  'update',
  'consistent',
  'unmasked',
] as const satisfies readonly SiteMessage['type'][];
const POINTS = ANSWERS.flatMap((type): DropPoint[] => [`before ${type}`, `after ${type}`]);
/** From here on the update of a site that goes is in the sum. */
const IN_THE_SUM = POINTS.indexOf('after update');

const namesOf = (count: number): string[] => ['a', 'b', 'c', 'd', 'e', 'f'].slice(0, count);
const isIn = (point: DropPoint): boolean => POINTS.indexOf(point) >= IN_THE_SUM;

/** No site has revealed anything twice or differently, and what was published is the sum of who should be in it. */
function expectExact(
  outcome: SecaggOutcome,
  names: readonly string[],
  drops: SecaggOptions['drops'] = {},
): void {
  const survivors = names.filter((name) => drops[name] === undefined || isIn(drops[name])).map(site);
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
  /** All single drops of so many sites, at and between all phases. */
  readonly singles: readonly number[];
  /** Default: all. */
  readonly points?: readonly DropPoint[];
  /** All pairs of six sites with a threshold of four, at the same point, and so many at different ones. */
  readonly mixedPairs: number;
  readonly samePointPairs: readonly DropPoint[];
}

export const ALL_POINTS = POINTS;

export function secaggDropoutContract(name: string, factory: TransportFactory, suite: DropoutSuite): void {
  describe(`secure aggregation, dropouts: ${name}`, () => {
    it('gives the exact integer sum when all stay', async () => {
      const outcome = await runSecagg(factory);
      expectExact(outcome, namesOf(5));
    });

    it.each(suite.singles)('of %i sites any one may go, at and between all phases', async (count) => {
      const names = namesOf(count);
      const leavers = count < 6 ? names : ['a', 'd', 'f'];
      for (const leaver of leavers)
        for (const point of suite.points ?? POINTS) {
          const drops = { [leaver]: point };
          expectExact(
            await runSecagg(factory, { names, drops, federation: { minimumCohort: Math.max(3, count - 1) } }),
            names,
            drops,
          );
        }
    });

    it.each(suite.samePointPairs)(
      'of six sites with a threshold of four any two may go, %s',
      async (point) => {
        const names = namesOf(6);
        for (const [i, first] of names.entries())
          for (const second of names.slice(i + 1)) {
            const drops = { [first]: point, [second]: point };
            const options = { names, drops, threshold: 4, federation: { minimumCohort: 4 } };
            expectExact(await runSecagg(factory, options), names, drops);
          }
      },
    );

    it.runIf(suite.mixedPairs > 0)('two may go at different points', async () => {
      const rng = createRng(deriveSeed('secagg', 'pairs', 1));
      const names = namesOf(6);
      for (let i = 0; i < suite.mixedPairs; i++) {
        const [first = 'a', second = 'b'] = rng.shuffle([...names]);
        const pick = (): DropPoint => POINTS[rng.integer(POINTS.length)] ?? 'before update';
        const drops = { [first]: pick(), [second]: pick() };
        const options = { names, drops, threshold: 4, federation: { minimumCohort: 4 } };
        const outcome = await runSecagg(factory, options);
        expect(outcome.records, JSON.stringify(drops)).toHaveLength(1);
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
