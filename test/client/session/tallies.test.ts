/** What a site checks and remembers of class counts, event by event. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { CountsOffer, SessionEffect, SessionEvent } from '../../../client/session/events.ts';
import { readMemory, SessionMemoryFile } from '../../../client/session/session-memory.ts';
import { memoryOf, newSession, type Session } from '../../../client/session/state.ts';
import { step } from '../../../client/session/step.ts';
import type { RoundContext } from '../../../shared/protocol/messages.ts';
import { hashPlan } from '../../../shared/protocol/plan.ts';
import { contextOf, planOf, site, sites } from '../../coordinator/fixtures.ts';

const plan = planOf();
const planHash = hashPlan(plan);
const cohort = sites('a', 'b', 'c');
const policy = { approvedPlans: [planHash], minimumCohort: 3 };
const at = (round: number, attempt = 1): RoundContext => contextOf(plan, { round, attempt });

const announced = (context: RoundContext, counts?: CountsOffer): SessionEvent => ({
  ...{ kind: 'announced', context, cohort, planHash, authentic: true },
  ...(counts && { counts }),
});
const offer = (...counts: number[]): CountsOffer => ({
  ...{ isPlanned: true, classCount: 2 },
  ...(counts.length > 0 && { announced: counts }),
});
const countRequested = (context: RoundContext): SessionEvent => ({
  ...{ kind: 'countRequested', context, cohort, authentic: true },
});
const counted = (context: RoundContext, classCounts: readonly number[]): SessionEvent => ({
  ...{ kind: 'counted', context, classCounts },
});
const accepted = (context: RoundContext): SessionEvent => ({
  ...{ kind: 'acknowledged', context, of: 'update', authentic: true, result: { status: 'accepted' } },
});
const closed = (context: RoundContext, published = true): SessionEvent => ({
  kind: 'closed',
  authentic: true,
  context,
  published,
});

function play(events: readonly SessionEvent[], session: Session = newSession(site('a'), policy)) {
  let effects: readonly SessionEffect[] = [];
  for (const event of events) ({ next: session, effects } = step(session, event));
  return { session, effects };
}
const kinds = (effects: readonly SessionEffect[]): string[] =>
  effects.flatMap((effect) => (effect.kind === 'emit' ? [] : [effect.kind]));
const refusal = (effects: readonly SessionEffect[]): string | undefined =>
  effects.flatMap((effect) => (effect.kind === 'refuse' ? [effect.reason] : []))[0];

const zero = at(0);
const whole = [
  announced(zero, offer()),
  countRequested(zero),
  counted(zero, [3, 4]),
  accepted(zero),
  closed(zero),
];

describe('the round of counts at a site', () => {
  it('counts once, sends the same bytes again, and remembers what it has contributed', () => {
    expect(kinds(play(whole.slice(0, 2)).effects)).toEqual(['persist', 'startCounting']);
    const sent = play(whole.slice(0, 3));
    expect(kinds(sent.effects)).toEqual(['persist', 'upload']);
    expect(kinds(play([countRequested(zero)], sent.session).effects)).toEqual(['persist', 'upload']);
    expect(play(whole).session).toMatchObject({
      phase: 'idle',
      tallies: [{ runId: zero.runId, own: [3, 4] }],
    });
  });

  it('contributes nothing that it knows of when the round is aborted, or the word of arrival is missing', () => {
    const [announce, request, count] = [
      announced(zero, offer()),
      countRequested(zero),
      counted(zero, [3, 4]),
    ];
    expect(
      play([announce, request, count, accepted(zero), closed(zero, false)]).session.tallies,
    ).toBeUndefined();
    expect(play([announce, request, count, closed(zero)]).session.tallies).toBeUndefined();
  });

  it('refuses to train in it, and to count in another', () => {
    const train: SessionEvent = {
      ...{ kind: 'trainRequested', context: zero, cohort, modelHash: zero.modelHash, authentic: true },
    };
    expect(refusal(play([announced(zero, offer()), train]).effects)).toBe('counts-mismatch');
    const first = at(1);
    expect(refusal(play([announced(first), countRequested(first)]).effects)).toBe('counts-mismatch');
  });

  it('heeds only the coordinator', () => {
    const forged = { ...countRequested(zero), authentic: false } as SessionEvent;
    expect(kinds(play([announced(zero, offer()), forged]).effects)).toEqual([]);
  });
});

describe('announced counts', () => {
  it.each<[string, RoundContext, CountsOffer | undefined, string | undefined]>([
    ['equal to its own', at(1), offer(3, 4), undefined],
    ['above its own', at(1), offer(30, 40), undefined],
    ['below its own', at(1), offer(30, 3), 'counts-too-low'],
    ['none where the plan needs them', at(1), offer(), 'counts-mismatch'],
    ['of three classes', at(1), offer(30, 40, 50), 'counts-mismatch'],
    ['where the plan needs none', at(1), { ...offer(30, 40), isPlanned: false }, 'counts-mismatch'],
    ['in the round of counts', at(0, 2), offer(30, 40), 'counts-mismatch'],
    ['none, in a round of counts that the plan has not', at(0, 2), undefined, 'counts-mismatch'],
  ])('%s', (_, context, counts, reason) => {
    expect(refusal(play([...whole, announced(context, counts)]).effects)).toBe(reason);
  });

  it('stay the same for the whole run, also for a site that came later', () => {
    const late = play([announced(at(4), offer(30, 40)), closed(at(4))]).session;
    expect(late.tallies).toEqual([{ runId: zero.runId, federation: [30, 40] }]);
    expect(refusal(play([announced(at(5), offer(30, 41))], late).effects)).toBe('counts-mismatch');
    expect(refusal(play([announced(at(5), offer(30, 40))], late).effects)).toBeUndefined();
  });

  it('are remembered when the program ends', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'consilium-tallies-'));
    try {
      const path = join(folder, 'memory.json');
      const { session } = play([...whole, announced(at(1), offer(30, 40)), closed(at(1))]);
      await new SessionMemoryFile(path, { seen: [] }).keep(memoryOf(session));
      const memory = await readMemory(path);
      expect(memory.tallies).toEqual([{ runId: zero.runId, own: [3, 4], federation: [30, 40] }]);
      const again = newSession(site('a'), policy, memory);
      expect(refusal(play([announced(at(2), offer(30, 3))], again).effects)).toBe('counts-mismatch');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
