/**
 * The table of dropouts: for each pattern and each manner of dropping the round gives the survivors' exact integer sum, or
 * ends without anybody having revealed anything. To be run in memory, in simulated time.
 */
import { describe, expect, it } from 'vitest';
import { isInSum, namesOf, type DropPattern, type Federation } from './dropout-patterns.ts';
import { restartSecrets } from './remembered-crypto.ts';
import { inMemory } from './secagg-transports.ts';
import { expectedWeights, runSecagg, site, type SecaggOptions, type SecaggOutcome } from './secagg-world.ts';

/**
 * How a site drops: its connection is lost; it stays connected and says nothing more; its connection is lost and comes back
 * in the phase after; it says nothing until a moment after the deadline that drops it.
 */
export const MANNERS = ['leaves', 'silent', 'returns', 'wakes'] as const;
export type Manner = (typeof MANNERS)[number];

export const DEADLINE_MS = 60_000;

const MANNER_OPTIONS: Readonly<Record<Manner, Pick<SecaggOptions, 'silent' | 'backAfterMs'>>> = {
  leaves: {},
  silent: { silent: true },
  // A message takes a millisecond.
  returns: { backAfterMs: 2.5 },
  wakes: { silent: true, backAfterMs: DEADLINE_MS + 1.3 },
};

export interface DropoutTable extends Federation {
  readonly manner: Manner;
  readonly patterns: readonly DropPattern[];
  /** How many there are, in figures: nobody shortens the table unnoticed. */
  readonly count: number;
}

/** The plan's minimum: no cohort of two is ever announced. */
const minimumCohortOf = ({ threshold }: Federation): number => Math.max(3, threshold);

export function secaggDropoutTables(tables: readonly DropoutTable[]): void {
  describe('secure aggregation, the table of dropouts', () => {
    it.each(tables)(
      '$count patterns of $sites sites with a threshold of $threshold: $manner',
      async ({ patterns, count, manner, sites, threshold }) => {
        expect(patterns).toHaveLength(count);
        expect(new Set(patterns.map((pattern) => JSON.stringify(pattern))).size).toBe(count);
        for (const drops of patterns) {
          restartSecrets();
          const federation = { minimumCohort: minimumCohortOf({ sites, threshold }) };
          const options = { names: namesOf(sites), threshold, drops, federation, unheard: true };
          expectExactOrNothing(await runSecagg(inMemory, { ...options, ...MANNER_OPTIONS[manner] }), {
            sites,
            threshold,
            drops,
            manner,
          });
        }
      },
    );
  });
}

interface Situation extends Federation {
  readonly drops: DropPattern;
  readonly manner: Manner;
}

function expectExactOrNothing(outcome: SecaggOutcome, { sites, threshold, drops, manner }: Situation): void {
  const names = namesOf(sites);
  const label = JSON.stringify(drops);
  const revealed = names.map((name) => revealedBy(outcome, name));
  const unannounced = Object.values(drops).filter((point) => point === 'before advertise').length;
  const [record, ...more] = outcome.records;
  expect(more, label).toEqual([]);
  if (sites - unannounced < minimumCohortOf({ sites, threshold })) {
    expect(record, label).toMatchObject({ outcome: 'aborted', reason: 'cohort-below-minimum' });
    expect(revealed.flat(), label).toEqual([]);
    expect(outcome.finalWeights, label).toEqual(new Float32Array(outcome.plan.parameterCount));
    return;
  }
  const staying = names.filter((name) => drops[name] === undefined || isInSum(drops[name])).map(site);
  const survivors = record?.outcome === 'published' ? record.survivors : [];
  // Where another one has held the phase up until its deadline, who wakes then is in time for the next and may go on.
  expect(manner === 'wakes' ? survivors : staying, label).toEqual(expect.arrayContaining(staying));
  if (manner !== 'wakes') expect(survivors, label).toEqual(staying);
  expect(outcome.finalWeights, label).toEqual(expectedWeights(outcome.plan, survivors, sites));
  // Of each site the same answer, however often it is repeated, and enough of them.
  for (const answers of revealed) expect(new Set(answers).size, label).toBeLessThanOrEqual(1);
  expect(revealed.filter((answers) => answers.length > 0).length, label).toBeGreaterThanOrEqual(threshold);
}

/** What it has said about unmasking; the boxes of equal answers differ. */
const revealedBy = ({ world }: SecaggOutcome, name: string): readonly string[] =>
  world.up.flatMap(({ siteId, message }) =>
    siteId === name && message.type === 'unmasked' ? [message.binding] : [],
  );
