import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SessionEffect, SessionEvent } from '../../../client/session/events.ts';
import { sitePolicySchema } from '../../../client/session/policy.ts';
import { newSession, type Session } from '../../../client/session/state.ts';
import { step } from '../../../client/session/step.ts';
import { runIdSchema } from '../../../shared/ids.ts';
import type { RoundContext } from '../../../shared/protocol/messages.ts';
import { hashPlan } from '../../../shared/protocol/plan.ts';
import { contextOf, modelHash, planOf, site, sites } from '../../coordinator/fixtures.ts';

const plan = planOf();
const planHash = hashPlan(plan);
const context = contextOf(plan);
const cohort = sites('a', 'b', 'c');
const fresh = newSession(site('a'), { approvedPlans: [planHash], minimumCohort: 3 });

type EventOf<K extends SessionEvent['kind']> = Extract<SessionEvent, { kind: K }>;
const announced = (change: Partial<EventOf<'announced'>> = {}): SessionEvent => ({
  kind: 'announced',
  context,
  cohort,
  planHash,
  authentic: true,
  ...change,
});
const trainRequested = (change: Partial<EventOf<'trainRequested'>> = {}): SessionEvent => ({
  kind: 'trainRequested',
  context,
  cohort,
  modelHash: context.modelHash,
  authentic: true,
  ...change,
});
const at = (round: number, attempt = 1): RoundContext => ({ ...context, round, attempt });

function play(...events: SessionEvent[]): { session: Session; effects: readonly SessionEffect[] } {
  let session: Session = fresh;
  let effects: readonly SessionEffect[] = [];
  for (const event of events) ({ next: session, effects } = step(session, event));
  return { session, effects };
}
const kinds = (effects: readonly SessionEffect[]): string[] =>
  effects.flatMap((effect) => (effect.kind === 'emit' ? [] : [effect.kind]));

describe('a site’s session', () => {
  it('agrees, trains, uploads, and is free again', () => {
    expect(kinds(play(announced()).effects)).toEqual(['persist', 'advertise']);
    expect(kinds(play(announced(), trainRequested()).effects)).toEqual(['persist', 'startTraining']);
    const done = play(announced(), trainRequested(), { kind: 'trained', context });
    expect(kinds(done.effects)).toEqual(['persist', 'upload']);
    expect(done.session.phase).toBe('uploaded');
    const closed = play(
      announced(),
      trainRequested(),
      { kind: 'trained', context },
      { kind: 'closed', context, published: true, authentic: true },
    );
    expect(kinds(closed.effects)).toEqual(['persist', 'keepState', 'forget']);
    expect(closed.session.phase).toBe('idle');
  });

  it('gives up what it learned in a round that did not count', () => {
    const aborted = { kind: 'closed', context, published: false, authentic: true } as const;
    const uploaded = [announced(), trainRequested(), { kind: 'trained', context }] as const;
    expect(kinds(play(...uploaded, aborted).effects)).toEqual(['persist', 'forget']);
    const published = { ...aborted, published: true };
    expect(kinds(play(announced(), trainRequested(), published).effects)).toEqual([
      'persist',
      'cancelTraining',
      'forget',
    ]);
  });

  it.each([
    ['plan-hash-mismatch', { planHash: hashPlan(planOf({ rounds: 9 })) }],
    ['not-in-cohort', { cohort: sites('b', 'c', 'd') }],
    ['cohort-below-policy', { cohort: sites('a', 'b') }],
  ])('refuses an announcement: %s', (reason, change) => {
    const { session, effects } = play(announced(change));
    expect(effects).toContainEqual({ kind: 'refuse', context, reason });
    expect(session).toEqual(fresh);
  });

  it('neither answers nor enters an announcement that the coordinator has not signed', () => {
    for (const before of [[], [announced()]]) {
      const { session } = play(...before);
      const { next, effects } = step(session, announced({ authentic: false, context: at(2) }));
      expect(next).toBe(session);
      const reason = 'bad-coordinator-signature';
      expect(effects).toEqual([{ kind: 'emit', report: { kind: 'ignored', context: at(2), reason } }]);
    }
  });

  it('refuses a plan that nobody here has approved', () => {
    const other = planOf({ rounds: 9 });
    const event = announced({ context: contextOf(other), planHash: hashPlan(other) });
    expect(play(event).effects).toContainEqual({
      kind: 'refuse',
      context: contextOf(other),
      reason: 'plan-not-approved',
    });
  });

  it.each([
    ['the same attempt about another model', { ...context, modelHash: modelHash('b') }],
    ['an earlier round', at(1)],
    ['an earlier attempt', at(2, 1)],
  ])('refuses %s', (_, again) => {
    const first = again.modelHash === context.modelHash ? at(2, 2) : context;
    const { effects } = play(announced({ context: first }), announced({ context: again }));
    expect(effects).toContainEqual({ kind: 'refuse', context: again, reason: 'round-not-increasing' });
  });

  it('takes the rounds of another run, and a later attempt, for which it drops the earlier', () => {
    const other = { ...context, runId: runIdSchema.parse('run-2') };
    expect(kinds(play(announced({ context: at(7) }), announced({ context: other })).effects)).toContain(
      'advertise',
    );
    const later = play(announced(), trainRequested(), announced({ context: at(1, 2) }));
    expect(kinds(later.effects)).toEqual(['persist', 'cancelTraining', 'forget', 'advertise']);
    expect(later.session).toMatchObject({ phase: 'advertised', context: at(1, 2) });
  });

  it.each([
    ['model-hash-mismatch', { modelHash: modelHash('b') }],
    ['cohort-below-policy', { cohort: sites('a', 'b') }],
    ['not-in-cohort', { cohort: sites('b', 'c', 'd') }],
  ])('refuses to train: %s', (reason, change) => {
    const { session, effects } = play(announced(), trainRequested(change));
    expect(effects).toContainEqual({ kind: 'refuse', context, reason });
    expect(session.phase).toBe('idle');
  });

  it('does not train what it has not agreed to, or what is not signed', () => {
    expect(play(trainRequested()).effects).toEqual([]);
    expect(play(announced(), trainRequested({ authentic: false })).effects).toEqual([
      { kind: 'emit', report: { kind: 'ignored', context, reason: 'bad-coordinator-signature' } },
    ]);
    expect(play(announced(), trainRequested({ context: at(2) })).effects).toEqual([]);
  });

  it('answers repeated requests with the same answer and starts nothing twice', () => {
    expect(kinds(play(announced(), announced()).effects)).toEqual(['persist', 'advertise']);
    expect(play(announced(), trainRequested(), trainRequested()).effects).toEqual([]);
    const trained: SessionEvent = { kind: 'trained', context };
    expect(kinds(play(announced(), trainRequested(), trained, trainRequested()).effects)).toEqual([
      'persist',
      'upload',
    ]);
    expect(play(announced(), trainRequested(), trained, trained).effects).toEqual([]);
  });

  it('repeats its last answer when the connection is back', () => {
    const connected: SessionEvent = { kind: 'connected' };
    expect(play(connected).effects).toEqual([]);
    expect(kinds(play(announced(), connected).effects)).toEqual(['persist', 'advertise']);
    expect(play(announced(), trainRequested(), connected).effects).toEqual([]);
    const uploaded = play(announced(), trainRequested(), { kind: 'trained', context }, connected);
    expect(kinds(uploaded.effects)).toEqual(['persist', 'upload']);
  });

  it('tells of its steps while it trains, and only then', () => {
    const told: SessionEvent = { kind: 'stepsDone', context, steps: 7 };
    expect(kinds(play(announced(), trainRequested(), told).effects)).toEqual(['persist', 'tellProgress']);
    expect(play(announced(), told).effects).toEqual([]);
    expect(play(announced(), trainRequested(), { kind: 'trained', context }, told).effects).toEqual([]);
    expect(play(announced(), trainRequested(), { ...told, context: at(2) }).effects).toEqual([]);
  });

  it('discards an update that has arrived, sends it no more, and keeps what it learned once it counts', () => {
    const accepted = {
      kind: 'acknowledged',
      context,
      of: 'update',
      result: { status: 'accepted' },
      authentic: true,
    } as const;
    const arrived = [announced(), trainRequested(), { kind: 'trained', context }, accepted] as const;
    expect(kinds(play(...arrived).effects)).toEqual(['persist', 'discardUpdate']);
    for (const event of [{ kind: 'connected' } as const, trainRequested()])
      expect(play(...arrived, event).effects).toEqual([]);
    const closed = play(...arrived, { kind: 'closed', context, published: true, authentic: true });
    expect(kinds(closed.effects)).toEqual(['persist', 'keepState', 'forget']);
    // Of the announcement: nothing has been sent yet that could be discarded.
    const early = play(
      announced(),
      trainRequested(),
      { kind: 'trained', context },
      { ...accepted, of: 'advertise' },
    );
    expect(kinds(early.effects)).toEqual(['persist']);
    expect(early.session.phase).toBe('uploaded');
  });

  it('says that training failed, without the reason, and leaves the round', () => {
    const { session, effects } = play(announced(), trainRequested(), { kind: 'trainingFailed', context });
    expect(effects).toContainEqual({ kind: 'refuse', context, reason: 'training-failed' });
    expect(session.phase).toBe('idle');
  });

  it('leaves the round when it is told that it came too late or is rejected', () => {
    for (const result of [{ status: 'late' }, { status: 'rejected', reason: 'non-finite' }] as const) {
      const { session, effects } = play(announced(), trainRequested(), {
        kind: 'acknowledged',
        context,
        of: 'update',
        result,
        authentic: true,
      });
      expect(session.phase).toBe('idle');
      expect(kinds(effects)).toEqual(['persist', 'cancelTraining', 'forget']);
    }
  });

  it('stays in its round, with its update, whatever somebody else says in the coordinator’s name', () => {
    const uploaded = [announced(), trainRequested(), { kind: 'trained', context }] as const;
    const before = play(...uploaded).session;
    const forged: readonly SessionEvent[] = [
      ...[{ status: 'accepted' }, { status: 'late' }, { status: 'rejected', reason: 'malformed' }].map(
        (result) =>
          ({ kind: 'acknowledged', context, of: 'update', result, authentic: false }) as SessionEvent,
      ),
      { kind: 'closed', context, published: true, authentic: false },
      { kind: 'closed', context, published: false, authentic: false },
    ];
    for (const event of forged) {
      const { next, effects } = step(before, event);
      expect(next).toBe(before);
      expect(effects).toEqual([
        { kind: 'emit', report: { kind: 'ignored', context, reason: 'bad-coordinator-signature' } },
      ]);
    }
  });

  it('never goes back: what it advertises for one run only increases', () => {
    const position = fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 3 }));
    fc.assert(
      fc.property(fc.array(position), (positions) => {
        let session: Session = fresh;
        let last = [0, 0];
        for (const [round, attempt] of positions) {
          const { next, effects } = step(session, announced({ context: at(round, attempt) }));
          session = next;
          if (!effects.some((effect) => effect.kind === 'advertise')) continue;
          const [lastRound = 0, lastAttempt = 0] = last;
          expect(round > lastRound || (round === lastRound && attempt >= lastAttempt)).toBe(true);
          last = [round, attempt];
        }
      }),
    );
  });
});

describe('the policy', () => {
  it('asks for five sites unless told otherwise, and knows no other keys', () => {
    expect(sitePolicySchema.parse({ approvedPlans: [] }).minimumCohort).toBe(5);
    expect(sitePolicySchema.safeParse({ approvedPlans: [], trustAll: true }).success).toBe(false);
  });
});

it('says that it has forgotten a round which it had agreed to before its program ended', () => {
  const restarted = newSession(site('a'), fresh.policy, { seen: [context] });
  const asked = {
    kind: 'trainRequested',
    context,
    cohort: sites('a', 'b', 'c'),
    modelHash: context.modelHash,
  } as const;
  const told = step(restarted, { ...asked, authentic: true });
  expect(told.next).toBe(restarted);
  expect(told.effects.map((effect) => effect.kind)).toEqual(['persist', 'emit', 'refuse']);
  expect(told.effects).toContainEqual({ kind: 'refuse', context, reason: 'restarted' });
  // Nobody but the coordinator is told, and only about what was agreed to.
  expect(step(restarted, { ...asked, authentic: false }).effects).toEqual([]);
  const other = { ...context, attempt: 2 };
  expect(step(restarted, { ...asked, context: other, authentic: true }).effects).toEqual([]);
});
