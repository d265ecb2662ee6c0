/**
 * What an attempt had come to when the program ended in the middle of it. The sites' updates are gone with the process,
 * so the attempt counts as aborted; whether its round may be tried again depends on whether sites had been asked to
 * unmask, which folding its journal tells.
 */
import type { RoundEvent, RoundStart } from '../round/events.ts';
import type { Round } from '../round/state.ts';
import { beginRound, step } from '../round/step.ts';
import type { AttemptRecord } from './progress.ts';

/**
 * The record of the attempt that `entries` tell of, lost or counted; undefined when there is none, or when it is recorded already.
 * @param records of the run until now
 */
export function lostAttempt(
  entries: readonly (RoundStart | RoundEvent)[],
  records: readonly AttemptRecord[],
): AttemptRecord | undefined {
  const [start, ...events] = entries;
  if (start?.kind !== 'begin') return undefined;
  const { round, attempt } = start.context;
  const isRecorded = records.some((record) => record.round === round && record.attempt === attempt);
  if (isRecorded) return undefined;
  let state: Round = beginRound(start).next;
  for (const event of events) if (event.kind !== 'begin') state = step(state, event).next;
  // Counts are in the journal, whatever was kept beside it.
  if (state.phase === 'published' && state.classCounts) {
    const { survivors, dropped, classCounts, unmasked } = state;
    const transcript = unmasked && { transcript: unmasked.transcript };
    return { outcome: 'counted', round, attempt, survivors, dropped, classCounts, ...transcript };
  }
  // A model that was published in the last moment was not kept: its round is spent.
  const isPublished = state.phase === 'published';
  if (state.phase !== 'aborted' && !isPublished) state = step(state, { kind: 'stop' }).next;
  // What the sites of a repetition have revealed before remains revealed.
  const isRepetition = start.rules.masking?.repair !== undefined;
  const spent = isPublished || isRepetition || (state.phase === 'aborted' && state.spent);
  return {
    outcome: 'aborted',
    ...{ round, attempt, dropped: state.dropped },
    reason: 'coordinator-restarted',
    ...(spent && { spent: true }),
  };
}
