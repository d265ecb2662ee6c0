/**
 * The moves that the events of `step.ts` lead to: dropping a site, seeing whether a phase is over, entering the next
 * phase, aborting. Pure, as all of the round.
 */
import type { SiteId } from '../../shared/ids.ts';
import { isCountsRound } from '../../shared/protocol/class-counts.ts';
import type { RoundContext } from '../../shared/protocol/messages.ts';
import type { AbortReason, DropReason } from '../../shared/protocol/reasons.ts';
import { InputError } from '../../shared/errors.ts';
import type { Effect, Outgoing, Transition } from './events.ts';
import { beginMasking, closeAdvertising, relayedTo, type MaskingState } from './masking-state.ts';
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
      return drop(round, siteId, reason);
    case 'training':
    case 'unmasking':
      // What is in the sum, or has been revealed, stays; a later bad message of the same site changes nothing.
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
  const { available, rules, context } = round;
  if (available.length < rules.minimumCohort) return stay(round);
  try {
    const masking = rules.masking && beginMasking(rules.masking, context, available);
    const sites = { cohort: available, invited: available, answered: [] };
    return enter({ ...round, ...sites, phase: 'advertising', ...(masking && { masking }) });
  } catch (error) {
    if (error instanceof InputError) return abort(round, 'ring-overflow');
    throw error;
  }
}

/** Whether the phase is over: too few sites left, or everyone has answered. */
export function settle(round: Waiting): Transition {
  const { rules, cohort, answered: done, masking } = round;
  if (masking && cohort.length < masking.header.threshold) return abort(round, 'below-threshold');
  if (round.phase === 'advertising') {
    if (cohort.length < rules.minimumCohort) return abort(round, 'cohort-below-minimum');
  } else if ((round.masking?.survivors ?? []).length === 0 && cohort.length < rules.minimumSurvivors)
    // From the end of training on the survivors are fixed: who leaves then leaves an update behind.
    return abort(round, 'survivors-below-minimum');
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
  const { context, rules, dropped, invited, cohort } = round;
  const masking = round.masking && advanceMasking(round, round.masking);
  const masked = masking && { masking };
  if (phase === 'consistency' && masking) {
    // Whoever has sent its update and left is in the sum and is not waited for.
    const present = cohort.filter((siteId) => !masking.away.includes(siteId));
    const next = { ...round, phase, cohort: present, answered: [], masking } as const;
    return present.length < masking.header.threshold ? abort(next, 'below-threshold') : enter(next);
  }
  if (phase !== 'aggregating') return enter({ ...round, phase, answered: [], ...masked });
  const survivors = masking?.survivors ?? cohort;
  return {
    next: { phase, context, rules, dropped, invited, survivors, ...masked },
    effects: [
      { kind: 'clearDeadline' },
      { kind: 'emit', report: { kind: 'phaseEntered', phase, cohortSize: survivors.length } },
      { kind: 'aggregate' },
    ],
  };
}

/** The set of sites that the phase has decided on. */
function advanceMasking({ phase, cohort }: Waiting, masking: MaskingState): MaskingState {
  switch (phase) {
    case 'advertising':
      return closeAdvertising(masking, cohort);
    case 'sharingKeys':
      return { ...masking, members: cohort };
    case 'training':
      return { ...masking, survivors: cohort };
    case 'consistency':
    case 'unmasking':
      return masking;
  }
}

type Entered = Omit<Waiting, 'deadlineAtMs' | 'advancing' | 'steps'>;

function enter(round: Entered): Transition {
  const { phase, context, rules, dropped, invited, cohort, answered: done, masking } = round;
  const deadlineAtMs = rules.deadlinesMs[phase];
  const fresh = { deadlineAtMs, advancing: [], steps: {}, ...(masking && { masking }) };
  const next: Waiting = { phase, context, rules, dropped, invited, cohort, answered: done, ...fresh };
  return {
    next,
    effects: [
      { kind: 'setDeadline', phase, delayMs: deadlineAtMs },
      { kind: 'emit', report: { kind: 'phaseEntered', phase, cohortSize: cohort.length } },
      ...cohort.flatMap((siteId) => requests(next, siteId)),
    ],
  };
}

/** What a site is asked in this phase. */
export function requests(round: Waiting, siteId: SiteId): readonly Effect[] {
  return questions(round, siteId).map((message) => send(siteId, round.context, message));
}

function questions(round: Waiting, siteId: SiteId): readonly Outgoing[] {
  const { phase, cohort, invited, masking, context } = round;
  const work = isCountsRound(context) ? 'count' : 'train';
  if (!masking) return [{ type: phase === 'advertising' ? 'announce' : work, cohort }];
  const { header, advertisements, members, survivors, signatures } = masking;
  switch (phase) {
    case 'advertising':
      // All that were announced to, whoever has left since: the cohort is part of the context.
      return [{ type: 'announce', cohort: invited, masking: header }];
    case 'sharingKeys':
      return [{ type: 'share-keys', advertisements }];
    case 'training':
      return [
        { type: 'relay', members, payload: relayedTo(masking, siteId) },
        { type: work, cohort: members },
      ];
    case 'consistency':
      return [{ type: 'survivors', survivors }];
    case 'unmasking':
      return [{ type: 'unmask', signatures }];
  }
}

export function abort(round: Exclude<Round, Aborted | Published>, reason: AbortReason): Transition {
  const { context, rules, dropped, phase } = round;
  const listeners = phase === 'selecting' ? [] : round.invited;
  const isUnmasked = phase === 'unmasking' || phase === 'aggregating' || phase === 'evaluating';
  const spent = isUnmasked && rules.masking !== undefined;
  return {
    next: { phase: 'aborted', context, rules, dropped, reason, spent },
    effects: [
      { kind: 'clearDeadline' },
      { kind: 'emit', report: { kind: 'aborted', reason } },
      ...listeners.map((siteId) => send(siteId, context, { type: 'aborted', reason })),
    ],
  };
}
