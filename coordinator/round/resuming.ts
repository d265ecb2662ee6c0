/** A round after its program has ended and started again: what is due is asked for again, in the same words. Pure. */
import type { SiteId } from '../../shared/ids.ts';
import type { Effect, RoundEvent, Transition } from './events.ts';
import type { Phase, Round, Waiting } from './state.ts';
import { after, requests, settleSelection, sorted, stay } from './transitions.ts';

/** Nobody could advance while the coordinator was away: the phase gets its time again, and waits for the same sites. */
export function resumed(
  round: Round,
  { available, graceMs }: Extract<RoundEvent, { kind: 'resumed' }>,
): Transition {
  switch (round.phase) {
    case 'selecting': {
      const { phase, rules } = round;
      const next = { ...round, available: sorted(available) };
      return after([restart(phase, rules.deadlinesMs[phase] + graceMs)], settleSelection(next));
    }
    case 'advertising':
    case 'sharingKeys':
    case 'training':
    case 'consistency':
    case 'unmasking': {
      const { phase, cohort, answered: done } = round;
      const deadlineAtMs = round.rules.deadlinesMs[phase];
      const next: Waiting = { ...round, deadlineAtMs, advancing: [] };
      const owing = cohort.filter((siteId) => available.includes(siteId) && !done.includes(siteId));
      return {
        next,
        effects: [
          restart(phase, deadlineAtMs + graceMs),
          entered(phase, cohort),
          ...owing.flatMap((siteId) => requests(next, siteId)),
        ],
      };
    }
    case 'aggregating':
      return { next: round, effects: [entered(round.phase, round.survivors), { kind: 'aggregate' }] };
    case 'evaluating': {
      const { phase, survivors, newModelHash: modelHash } = round;
      return { next: round, effects: [entered(phase, survivors), { kind: 'evaluate', modelHash }] };
    }
    case 'published':
    case 'aborted':
      return stay(round);
  }
}

const restart = (phase: Phase, delayMs: number): Effect => ({ kind: 'setDeadline', phase, delayMs });
const entered = (phase: Phase, sites: readonly SiteId[]): Effect => ({
  kind: 'emit',
  report: { kind: 'phaseEntered', phase, cohortSize: sites.length },
});
