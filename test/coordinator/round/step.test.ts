import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addUpdate, applyFedAvg, initFedAvg } from '../../../coordinator/aggregation/fedavg.ts';
import type { Effect, RoundEvent, RoundStart } from '../../../coordinator/round/events.ts';
import { phaseAfter, type Round } from '../../../coordinator/round/state.ts';
import { beginRound, step } from '../../../coordinator/round/step.ts';
import type { SiteId } from '../../../shared/ids.ts';
import { MaskedStory } from '../../traces/masked-story.ts';
import { Story } from '../../traces/story.ts';
import { contextOf, modelHash, planOf, rules, site, sites } from '../fixtures.ts';

const context = contextOf(planOf());
const names = ['a', 'b', 'c', 'd', 'e'];
const start: RoundStart = { kind: 'begin', context, rules: rules(), available: sites(...names) };

const advertise = (siteId: SiteId): RoundEvent => ({
  kind: 'answered',
  siteId,
  context,
  answer: { type: 'advertise' },
});
const stepsDone = (siteId: SiteId, steps: number): RoundEvent => ({
  kind: 'stepsDone',
  siteId,
  context,
  steps,
});
const update = (siteId: SiteId): RoundEvent => {
  const k = names.indexOf(siteId) + 1;
  const delta = Float32Array.of(0.1 * k, -1 / k, 3 ** -k, 1e-3);
  return {
    kind: 'answered',
    siteId,
    context,
    answer: { type: 'update', update: { exampleCount: 7 * k, meanLoss: 1, delta } },
  };
};

/** Runs events and carries out the sum; everything else is looked at in the effects. */
function play(events: readonly RoundEvent[]): {
  round: Round;
  effects: Effect[];
  weights: Float32Array | undefined;
} {
  const sum = initFedAvg(4);
  const first = beginRound(start);
  let round = first.next;
  const effects = [...first.effects];
  for (const event of events) {
    const transition = step(round, event);
    round = transition.next;
    effects.push(...transition.effects);
    for (const effect of transition.effects) if (effect.kind === 'accumulate') addUpdate(sum, effect.update);
  }
  const weights = sum.updateCount > 0 ? applyFedAvg(sum, new Float32Array(4)) : undefined;
  return { round, effects, weights };
}

const anySite = fc.constantFrom(...sites(...names));
const anyEvent: fc.Arbitrary<RoundEvent> = fc.oneof(
  anySite.map(advertise),
  anySite.map(update),
  anySite.map((siteId): RoundEvent => ({ kind: 'disconnected', siteId })),
  anySite.map((siteId): RoundEvent => ({ kind: 'connected', siteId })),
  anySite.map((siteId): RoundEvent => ({ kind: 'rejected', siteId, reason: 'malformed' })),
  anySite.map((siteId): RoundEvent => ({ kind: 'transferring', siteId })),
  fc.tuple(anySite, fc.nat(3)).map(([siteId, steps]): RoundEvent => stepsDone(siteId, steps)),
  anySite.map((siteId): RoundEvent => ({ kind: 'answered', siteId, context, answer: { type: 'refuse' } })),
  fc
    .constantFrom('selecting' as const, 'advertising' as const, 'training' as const)
    .map((phase): RoundEvent => ({ kind: 'deadline', phase, round: 1, attempt: 1 })),
  fc.constantFrom<RoundEvent>(
    { kind: 'aggregated', newModelHash: modelHash('b') },
    { kind: 'aggregationFailed' },
    { kind: 'evaluated' },
    { kind: 'evaluationFailed' },
  ),
);

describe('a round, whatever happens', () => {
  it('gives the same sum for every order in which the updates arrive', () => {
    const expected = play([...sites(...names).map(advertise), ...sites(...names).map(update)]).weights;
    const orders = fc.tuple(
      fc.shuffledSubarray(sites(...names), { minLength: 5 }),
      fc.shuffledSubarray(sites(...names), { minLength: 5 }),
      fc.array(anySite),
    );
    fc.assert(
      fc.property(orders, ([agreeing, sending, repeating]) => {
        const events = [...agreeing.map(advertise), ...repeating.map(advertise), ...sending.map(update)];
        const { round, weights } = play([...events, ...repeating.map(update)]);
        expect(round).toMatchObject({ phase: 'aggregating', survivors: sites(...names) });
        expect(weights).toEqual(expected);
      }),
    );
  });

  it('is deterministic, journals every change first, and never adds an update twice', () => {
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 60 }), (events) => {
        let round = beginRound(start).next;
        const added = new Set<SiteId>();
        for (const event of events) {
          const transition = step(round, event);
          expect(step(round, event)).toEqual(transition);
          if (transition.effects.length > 0)
            expect(transition.effects[0]).toEqual({ kind: 'persist', entry: event });
          else expect(transition.next).toBe(round);
          for (const effect of transition.effects) {
            if (effect.kind !== 'accumulate') continue;
            expect(added.has(effect.siteId)).toBe(false);
            added.add(effect.siteId);
          }
          round = transition.next;
        }
        if (round.phase === 'aggregating' || round.phase === 'evaluating' || round.phase === 'published') {
          expect([...added].sort()).toEqual(round.survivors);
          expect(round.survivors.length).toBeGreaterThanOrEqual(2);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('always ends: deadlines alone bring every round to a decision', () => {
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 40 }), (events) => {
        let { round } = play(events);
        // One for each waiting phase, and one more for sites that had advanced before the first.
        for (let i = 0; i < 4; i++)
          round = step(round, { kind: 'deadline', phase: round.phase, round: 1, attempt: 1 }).next;
        expect(['aggregating', 'evaluating', 'published', 'aborted']).toContain(round.phase);
      }),
      { numRuns: 300 },
    );
  });

  it('is restored by replaying its journal', () => {
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 40 }), (events) => {
        const { round, effects, weights } = play(events);
        const journal = effects.flatMap((effect) => (effect.kind === 'persist' ? [effect.entry] : []));
        const [begin, ...entries] = journal;
        expect(begin).toEqual(start);
        const replayed = play(entries.filter((entry) => entry.kind !== 'begin'));
        expect(replayed.round).toEqual(round);
        expect(replayed.weights).toEqual(weights);
      }),
    );
  });
});

describe('details of a round', () => {
  it('repeats its request to a site that comes back and owes an answer', () => {
    const story = new Story('', ['a', 'b']).agree('a').comes('a').comes('b');
    expect(story.text().match(/tell b: announce/g)).toHaveLength(2);
    expect(story.text().match(/tell a: announce/g)).toHaveLength(1);
  });

  it('keeps what is in the sum when its sender misbehaves afterwards', () => {
    const story = new Story('', ['a', 'b', 'c']).agree('a', 'b', 'c').send('a').notAdmitted('a', 'malformed');
    expect(story.round).toMatchObject({ cohort: sites('a', 'b', 'c'), dropped: [] });
  });

  it('drops a site that sends an update before it was asked', () => {
    const story = new Story('', ['a', 'b', 'c']).send('a');
    expect(story.round).toMatchObject({
      cohort: sites('b', 'c'),
      dropped: [{ siteId: site('a'), phase: 'advertising', reason: 'malformed' }],
    });
  });

  it('answers what is still under way from an earlier attempt, and has its form, with late and no more', () => {
    const [a] = sites('a');
    if (!a) throw new Error('there is a site');
    const { next } = beginRound({ ...start, context: { ...context, round: 2 } });
    const rejected = (about: { round: number; attempt: number }): RoundEvent => ({
      ...{ kind: 'rejected', siteId: a, reason: 'wrong-shape' },
      about: { context: { ...context, ...about }, of: 'update' },
    });
    const late = step(next, rejected({ round: 1, attempt: 3 }));
    expect(late.next).toBe(next);
    expect(late.effects.slice(1)).toMatchObject([{ kind: 'send', to: a, context: { round: 1, attempt: 3 } }]);
    expect(JSON.stringify(late.effects)).toContain('"status":"late"');
    const own = step(next, rejected({ round: 2, attempt: 1 }));
    expect(own.next.dropped).toMatchObject([{ siteId: a, reason: 'wrong-shape' }]);
  });

  it('ignores deadlines of other phases and attempts', () => {
    const story = new Story('', ['a', 'b']);
    const before = story.round;
    story.deadline('training').happens({ kind: 'deadline', phase: 'advertising', round: 1, attempt: 2 });
    expect(story.round).toBe(before);
  });

  it('waits for a site that advances, but not beyond the limit of training', () => {
    const quick = rules({ deadlinesMs: { advertising: 2000, training: 3000, quiet: 700 } });
    const story = new Story('', ['a', 'b', 'c'], quick).agree('a', 'b', 'c').send('a', 'b');
    const spans: number[] = [];
    while (story.round.phase === 'training') {
      const { effects } = step(story.uploads('c').round, {
        kind: 'deadline',
        ...{ phase: 'training', round: 1, attempt: 1 },
      });
      for (const effect of effects) if (effect.kind === 'setDeadline') spans.push(effect.delayMs);
      story.deadline();
    }
    expect(spans.reduce((a, b) => a + b, 3000)).toBe(4 * 3000);
    expect(Math.max(...spans)).toBe(700);
    expect(story.round).toMatchObject({ dropped: [{ siteId: site('c'), reason: 'deadline' }] });
  });

  it('takes the same number of steps again for no advance, nor what comes outside of training', () => {
    const story = new Story('', ['a', 'b', 'c']).trains('c', 5).agree('a', 'b', 'c').send('a', 'b');
    story.trains('c', 5).deadline();
    expect(story.round.phase).toBe('training');
    story.trains('c', 5).deadline();
    expect(story.round).toMatchObject({ phase: 'aggregating', survivors: sites('a', 'b') });
  });

  it('aborts when there is no model or no evaluation', () => {
    const ready = (): Story => new Story('', ['a', 'b']).agree('a', 'b').send('a', 'b');
    expect(ready().happens({ kind: 'aggregationFailed' }).round).toMatchObject({
      reason: 'aggregation-failed',
    });
    const evaluating = ready().happens({ kind: 'aggregated', newModelHash: modelHash('b') });
    expect(evaluating.happens({ kind: 'evaluationFailed' }).round).toMatchObject({
      reason: 'evaluation-failed',
    });
  });
});

describe('the order of phases', () => {
  it('passes the phases of secure aggregation by where there is a box or nothing', () => {
    for (const protection of ['box', 'plain'] as const) {
      expect(phaseAfter('advertising', protection)).toBe('training');
      expect(phaseAfter('training', protection)).toBe('aggregating');
    }
  });

  it('goes through all of them for secure aggregation', () => {
    const order = ['advertising', 'sharingKeys', 'training', 'consistency', 'unmasking'] as const;
    expect(order.map((phase) => phaseAfter(phase, 'secure-aggregation'))).toEqual([
      'sharingKeys',
      'training',
      'consistency',
      'unmasking',
      'aggregating',
    ]);
  });

  it('gives each of its waiting phases a deadline, after which nobody is left who answered', () => {
    const story = new MaskedStory('', ['a', 'b', 'c', 'd']).advertise('a', 'b', 'c', 'd');
    expect(story.round.phase).toBe('sharingKeys');
    expect(story.text()).toContain('wait at most 2000 ms\n    — sharingKeys');
    expect(story.deadline().round).toMatchObject({ phase: 'aborted', reason: 'below-threshold' });
  });
});
