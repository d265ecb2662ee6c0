/**
 * The moves that the events of `step.ts` lead to: dropping a site, seeing whether a phase is over, entering the next
 * phase, aborting. Pure, as all of the round.
 */
import type { SiteId } from '../../shared/ids.ts';
import type { RoundContext } from '../../shared/protocol/messages.ts';
import type { AbortReason, DropReason } from '../../shared/protocol/reasons.ts';
import type { Effect, Outgoing, Transition } from './events.ts';
import {
  phaseAfter,
  type Aborted,
  type Drop,
  type Published,
  type Round,
  type Selecting,
  type Waiting,
} from './state.ts';

export const stay = (round: Round): Transition => ({ next: round, effects: [] });
export const sorted = (sites: Iterable<SiteId>): readonly SiteId[] => [...new Set(sites)].sort();
export const without = (sites: readonly SiteId[], site: SiteId): readonly SiteId[] =>
  sites.filter((s) => s !== site);

export const send = (to: SiteId, context: RoundContext, message: Outgoing): Effect => ({
  kind: 'send',
  to,
  context,
  message,
});
/** Puts further effects in front of a transition's own. */
export const after = (effects: readonly Effect[], transition: Transition): Transition => ({
  next: transition.next,
  effects: [...effects, ...transition.effects],
});

// Dropping sites

export function dropIfWaiting(round: Round, siteId: SiteId, reason: DropReason): Transition {
  switch (round.phase) {
    case 'advertising':
    case 'sharingKeys':
    case 'consistency':
    case 'unmasking':
      return drop(round, siteId, reason);
    case 'training':
      // What is in the sum stays there; a later bad message of the same site changes nothing.
      return round.answered.includes(siteId) ? stay(round) : drop(round, siteId, reason);
    case 'selecting':
    case 'aggregating':
    case 'evaluating':
    case 'published':
    case 'aborted':
      return stay(round);
  }
}

export function drop(round: Waiting, siteId: SiteId, reason: DropReason): Transition {
  if (!round.cohort.includes(siteId)) return stay(round);
  const entry: Drop = { siteId, phase: round.phase, reason };
  const next: Waiting = {
    ...round,
    cohort: without(round.cohort, siteId),
    answered: without(round.answered, siteId),
    dropped: [...round.dropped, entry],
  };
  return after([{ kind: 'emit', report: { kind: 'siteDropped', ...entry } }], settle(next));
}

// Completeness

export function settleSelection(round: Selecting): Transition {
  if (round.available.length < round.rules.minimumCohort) return stay(round);
  return enter({
    ...round,
    phase: 'advertising',
    cohort: round.available,
    invited: round.available,
    answered: [],
  });
}

/** Whether the phase is over: too few sites left, or everyone has answered. */
export function settle(round: Waiting): Transition {
  const { rules, cohort, answered: done } = round;
  if (round.phase === 'advertising') {
    if (cohort.length < rules.minimumCohort) return abort(round, 'cohort-below-minimum');
  } else if (cohort.length < rules.minimumSurvivors) return abort(round, 'survivors-below-minimum');
  return done.length === cohort.length ? advance(round) : stay(round);
}

/**
 * Everyone who has not answered by the deadline is dropped at once, before completeness is looked at; except, in
 * training and up to its limit, the sites of whom something has advanced since the last deadline.
 */
export function dropSilent(round: Waiting): Transition {
  const { rules, cohort, answered: done, deadlineAtMs } = round;
  const left = round.phase === 'training' ? rules.trainingLimitMs - deadlineAtMs : 0;
  const owing = cohort.filter((siteId) => !done.includes(siteId));
  const kept = left > 0 ? owing.filter((siteId) => round.advancing.includes(siteId)) : [];
  if (kept.length === 0) return dropAll(round, owing);
  const delayMs = Math.min(rules.quietMs, left);
  const waiting = { ...round, advancing: [], deadlineAtMs: deadlineAtMs + delayMs };
  const transition = dropAll(
    waiting,
    owing.filter((siteId) => !kept.includes(siteId)),
  );
  if (transition.next.phase !== round.phase) return transition;
  const extension: readonly Effect[] = [
    { kind: 'setDeadline', phase: round.phase, delayMs },
    { kind: 'emit', report: { kind: 'extended', sites: kept, delayMs } },
  ];
  return { next: transition.next, effects: [...transition.effects, ...extension] };
}

function dropAll(round: Waiting, silent: readonly SiteId[]): Transition {
  const drops = silent.map((siteId): Drop => ({ siteId, phase: round.phase, reason: 'deadline' }));
  const next: Waiting = {
    ...round,
    cohort: round.cohort.filter((siteId) => !silent.includes(siteId)),
    dropped: [...round.dropped, ...drops],
  };
  const reports = drops.map((entry): Effect => ({ kind: 'emit', report: { kind: 'siteDropped', ...entry } }));
  return after(reports, settle(next));
}

// From phase to phase

function advance(round: Waiting): Transition {
  const phase = phaseAfter(round.phase, round.rules.protection);
  if (phase !== 'aggregating') return enter({ ...round, phase, answered: [] });
  const { context, rules, dropped, invited, cohort } = round;
  return {
    next: { phase, context, rules, dropped, invited, survivors: cohort },
    effects: [
      { kind: 'clearDeadline' },
      { kind: 'emit', report: { kind: 'phaseEntered', phase, cohortSize: cohort.length } },
      { kind: 'aggregate' },
    ],
  };
}

type Entered = Omit<Waiting, 'deadlineAtMs' | 'advancing' | 'steps'>;

function enter(round: Entered): Transition {
  const { phase, context, rules, dropped, invited, cohort, answered: done } = round;
  const deadlineAtMs = rules.deadlinesMs[phase];
  const fresh = { deadlineAtMs, advancing: [], steps: {} };
  const next: Waiting = { phase, context, rules, dropped, invited, cohort, answered: done, ...fresh };
  const requests =
    phase === 'advertising' || phase === 'training' ? cohort.map((id) => request(next, id)) : [];
  return {
    next,
    effects: [
      { kind: 'setDeadline', phase, delayMs: deadlineAtMs },
      { kind: 'emit', report: { kind: 'phaseEntered', phase, cohortSize: cohort.length } },
      ...requests,
    ],
  };
}

export function request(round: Waiting, siteId: SiteId): Effect {
  const type = round.phase === 'advertising' ? 'announce' : 'train';
  return send(siteId, round.context, { type, cohort: round.cohort });
}

export function abort(round: Exclude<Round, Aborted | Published>, reason: AbortReason): Transition {
  const { context, rules, dropped } = round;
  const listeners = round.phase === 'selecting' ? [] : round.invited;
  return {
    next: { phase: 'aborted', context, rules, dropped, reason },
    effects: [
      { kind: 'clearDeadline' },
      { kind: 'emit', report: { kind: 'aborted', reason } },
      ...listeners.map((siteId) => send(siteId, context, { type: 'aborted', reason })),
    ],
  };
}
