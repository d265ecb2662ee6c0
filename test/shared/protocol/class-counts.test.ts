import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InvariantError } from '../../../shared/errors.ts';
import {
  classCountsSchema,
  countsBytes,
  countsFault,
  countsLayout,
  decodeCountsSum,
  encodeCounts,
  needsClassCounts,
  siteCountsFault,
} from '../../../shared/protocol/class-counts.ts';
import { bindingOfTerms } from '../../../shared/protocol/masking-context.ts';
import { announceStatement } from '../../../shared/protocol/signatures.ts';
import { summarisePlan } from '../../../shared/protocol/plan-summary.ts';
import { addInto, newRingVector } from '../../../shared/secagg/ring.ts';
import { contextOf, planOf, site, sites } from '../../coordinator/fixtures.ts';

function sumOf(all: readonly (readonly number[])[], cohortSize: number) {
  const layout = countsLayout(all[0]?.length ?? 0, cohortSize);
  const sum = newRingVector(32, layout.length);
  for (const counts of all) addInto(sum, encodeCounts(counts, layout));
  return { layout, sum };
}

describe('counts in the ring', () => {
  it('add up by hand: three sites, two classes, and a 1 for each site', () => {
    const { layout, sum } = sumOf(
      [
        [3, 0],
        [0, 5],
        [7, 1],
      ],
      3,
    );
    expect([...sum]).toEqual([10, 6, 3]);
    expect(decodeCountsSum(sum, layout, 3)).toEqual([10, 6]);
  });

  it('add up exactly, whoever is missing of the cohort', () => {
    const cohorts = fc.integer({ min: 1, max: 40 }).chain((cohort) =>
      fc.record({
        cohort: fc.constant(cohort),
        all: fc.array(
          fc.array(fc.nat({ max: countsLayout(3, cohort).limit }), { minLength: 3, maxLength: 3 }),
          {
            minLength: 1,
            maxLength: cohort,
          },
        ),
      }),
    );
    fc.assert(
      fc.property(cohorts, ({ cohort, all }) => {
        // A site has an image.
        const own = all.map(([first = 0, ...rest]) => [Math.max(first, 1), ...rest]);
        const { layout, sum } = sumOf(own, cohort);
        const expected = [0, 1, 2].map((c) => own.reduce((total, counts) => total + (counts[c] ?? 0), 0));
        expect(decodeCountsSum(sum, layout, own.length)).toEqual(expected);
      }),
      { numRuns: 100 },
    );
  });

  it.each([
    [1, 4_294_967_295],
    [5, 858_993_459],
    [1024, 4_194_303],
  ])(
    'a cohort of %i: every site may have %i images of a class, and the sum stays below 2³²',
    (cohort, limit) => {
      const layout = countsLayout(2, cohort);
      expect(layout.limit).toBe(limit);
      const sum = newRingVector(32, layout.length);
      const largest = encodeCounts([limit, limit], layout);
      for (let k = 0; k < cohort; k++) addInto(sum, largest);
      expect(decodeCountsSum(sum, layout, cohort)).toEqual([cohort * limit, cohort * limit]);
      expect(cohort * limit).toBeLessThan(2 ** 32);
      expect(() => encodeCounts([limit + 1, 0], layout)).toThrow(InvariantError);
    },
  );

  it.each<[string, readonly number[], 'wrong-shape' | 'out-of-range']>([
    ['too few classes', [1], 'wrong-shape'],
    ['too many classes', [1, 2, 3], 'wrong-shape'],
    ['a negative count', [1, -1], 'out-of-range'],
    ['half an image', [1, 0.5], 'out-of-range'],
    ['no number', [1, NaN], 'out-of-range'],
  ])('refuses %s', (_, counts, fault) => {
    const layout = countsLayout(2, 3);
    expect(countsFault(counts, layout)).toBe(fault);
    expect(() => encodeCounts(counts, layout)).toThrow(fault);
  });

  it('sees a negative count, and one who counts twice, where the vector of a site is seen', () => {
    const layout = countsLayout(2, 3);
    expect(siteCountsFault(encodeCounts([4, 0], layout), layout)).toBeUndefined();
    expect(siteCountsFault(Uint32Array.of(4, -2, 1), layout)).toBe('out-of-range');
    expect(siteCountsFault(Uint32Array.of(4, 2, 2), layout)).toBe('out-of-range');
  });

  it('does not take noise, other survivors or nothing at all for a sum', () => {
    const layout = countsLayout(2, 3);
    expect(decodeCountsSum(Uint32Array.of(10, 6, 3), layout, 2)).toBeUndefined();
    expect(decodeCountsSum(Uint32Array.of(0, 0, 3), layout, 3)).toBeUndefined();
    expect(decodeCountsSum(Uint32Array.of(2 ** 32 - 1, 6, 2), layout, 2)).toBeUndefined();
    expect(() => decodeCountsSum(new Uint32Array(2), layout, 2)).toThrow(InvariantError);
  });

  it('are as long as their classes, and sealed where there are no masks', () => {
    const layout = countsLayout(9, 5);
    expect(countsBytes('secure-aggregation', layout)).toBe(40);
    expect(countsBytes('plain', layout)).toBe(countsBytes('box', layout));
    expect(countsBytes('plain', layout)).toBeGreaterThan(40);
  });
});

describe('a plan', () => {
  const masked = { mode: 'secure-aggregation', smallCohortAcknowledged: true } as const;
  const plan = planOf({ minimumCohort: 3 }, { protection: masked });

  it.each([
    ['nothing', {}, false],
    ['weights of its own counts', { classWeighting: { kind: 'balanced' as const } }, false],
    ['federated weights', { classWeighting: { kind: 'federated' as const } }, true],
    ['an adjustment of logits', { logitAdjustmentTau: 1 }, true],
  ])('with %s', (_, training, needs) => {
    const made = planOf({}, { training });
    expect(needsClassCounts(made)).toBe(needs);
    expect(summarisePlan(made).some((line) => line.includes('counted once'))).toBe(needs);
  });

  it('says to its reader who sees the counts', () => {
    const training = { classWeighting: { kind: 'federated' as const } };
    const text = (protection: Parameters<typeof planOf>[1]) =>
      summarisePlan(planOf({ minimumCohort: 3 }, { training, ...protection })).join(' ');
    expect(text({ protection: masked })).toContain(
      'learns the sum over the sites, not the numbers of this one',
    );
    expect(text({ protection: { mode: 'plain' } })).toContain('which sees the numbers of this site');
  });

  it('has other terms for other counts, and others again for none', () => {
    const bindings = [undefined, [4, 5], [5, 4], [4, 6]].map((classCounts) =>
      bindingOfTerms({
        plan,
        context: contextOf(plan),
        cohort: sites('a', 'b', 'c'),
        header: { rosterHash: '0'.repeat(128), threshold: 3, previous: null },
        coordinatorKey: new Uint8Array(32),
        classCounts,
      }),
    );
    expect(new Set(bindings).size).toBe(4);
  });

  it('has other terms for every repetition', () => {
    const proof = {
      ...{ siteId: site('c'), kind: 'own-mask' as const, dealt: '00', signature: '0'.repeat(128) },
      shares: [],
    };
    const repairs = [
      undefined,
      { attempt: 1, proofs: [proof] },
      { attempt: 2, proofs: [proof] },
      { attempt: 1, proofs: [{ ...proof, dealt: '01' }] },
    ];
    const bindings = repairs.map((repair) =>
      bindingOfTerms({
        plan,
        context: contextOf(plan),
        cohort: sites('a', 'b', 'c'),
        header: { rosterHash: '0'.repeat(128), threshold: 3, previous: null, ...(repair && { repair }) },
        coordinatorKey: new Uint8Array(32),
      }),
    );
    expect(new Set(bindings).size).toBe(4);
  });

  it('announces counts under its signature', () => {
    const message = { context: contextOf(plan), plan, cohort: sites('a'), boxKey: '0'.repeat(64) };
    const fields = (classCounts: number[]) => announceStatement({ ...message, classCounts }).fields;
    expect(fields([1, 2])).not.toEqual(fields([2, 1]));
    expect(announceStatement(message).fields).not.toHaveProperty('classCounts');
  });

  it.each([[[1]], [[1, -1]], [[1, 0.5]], [[1, 2 ** 32]], [['1', 2]]])('announces no %j', (counts) => {
    expect(classCountsSchema.safeParse(counts).success).toBe(false);
  });
});
