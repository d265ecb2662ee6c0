/**
 * What becomes of the attempt in which the program ended. As a rule it goes on where its journal ends (`resumeRound`).
 * It counts as aborted where the journal is damaged, or where it ends the program again and again; whether its
 * round may then be tried again depends on whether sites had been asked to unmask, which folding the journal tells.
 */
import type { SiteId } from '../../shared/ids.ts';
import type { RoundEvent, RoundStart } from '../round/events.ts';
import { endMessage, isEnded, type RoundEnd } from '../round/ending.ts';
import type { Round } from '../round/state.ts';
import { beginRound, step } from '../round/step.ts';
import type { AttemptRecord } from './progress.ts';

type Entry = RoundStart | RoundEvent;

/** An attempt that goes on. */
export interface InterruptedAttempt {
  readonly start: RoundStart;
  /** Everyone who was announced to; none before the announcement. */
  readonly invited: readonly SiteId[];
}

export interface Recovery {
  /** Counts as over, and is not on record yet. */
  readonly lost?: AttemptRecord;
  readonly interrupted?: InterruptedAttempt;
  /** How the last attempt has ended that is over: sites may not have heard of it. */
  readonly before?: RoundEnd;
  /** The sites that were there: they come back. */
  readonly awaited: readonly SiteId[];
}

/** So often an attempt goes on without anything happening in it: more looks as if it were what ends the program. */
const MAX_RESUMPTIONS = 10;

export interface KeptAttempt {
  /** Of the last attempt that was begun, without their vectors; empty when there is none. */
  readonly entries: readonly Entry[];
  /** All of its entries are there, with their vectors. */
  readonly isWhole: boolean;
}

/**
 * @param records of the run until now
 * @param sites that the run is for, where it was going on: before its first attempt nothing says which of them were there
 */
export function recover(
  { entries, isWhole }: KeptAttempt,
  records: readonly AttemptRecord[],
  sites: readonly SiteId[],
): Recovery {
  const folded = fold(entries);
  if (!folded) return { awaited: sites };
  const { start, round, invited, resumptions } = folded;
  const awaited = awaitedOf(folded);
  if (isRecorded(start, records)) return { before: endOf(round, invited), awaited };
  if (isWhole && resumptions < MAX_RESUMPTIONS) {
    const { before } = start;
    return { interrupted: { start, invited }, ...(before && { before }), awaited };
  }
  const lost = recordOfLost(folded, isWhole);
  return { lost, before: endOf(round, invited), awaited };
}

interface Folded {
  readonly start: RoundStart;
  readonly round: Round;
  readonly invited: readonly SiteId[];
  /** Since something else happened than that sites came and went. */
  readonly resumptions: number;
}

function fold([start, ...events]: readonly Entry[]): Folded | undefined {
  if (start?.kind !== 'begin') return undefined;
  let round: Round = beginRound(start).next;
  let invited: readonly SiteId[] = [];
  let resumptions = 0;
  for (const event of events) {
    if (event.kind === 'begin') continue;
    if ('invited' in round) ({ invited } = round);
    round = step(round, event).next;
    if (event.kind === 'resumed') resumptions++;
    else if (event.kind !== 'connected' && event.kind !== 'disconnected') resumptions = 0;
  }
  if ('invited' in round) ({ invited } = round);
  return { start, round, invited, resumptions };
}

function isRecorded({ context }: RoundStart, records: readonly AttemptRecord[]): boolean {
  const { round, attempt } = context;
  return records.some((record) => record.round === round && record.attempt === attempt);
}

/** Whoever has left the attempt before the end of the program need not come back with it. */
function awaitedOf({ round, invited }: Folded): readonly SiteId[] {
  if (round.phase === 'selecting') return round.available;
  const left = new Set(round.dropped.map(({ siteId }) => siteId));
  return invited.filter((siteId) => !left.has(siteId));
}

/** What is not over by itself is given up. */
function endOf(round: Round, invited: readonly SiteId[]): RoundEnd {
  const { context } = round;
  if (isEnded(round)) return { context, invited, message: endMessage(round) };
  return { context, invited, message: { type: 'aborted', reason: 'coordinator-restarted' } };
}

/** `isWhole`: nothing more has happened than the round tells. */
function recordOfLost({ start, round: last }: Folded, isWhole: boolean): AttemptRecord {
  const { round, attempt } = start.context;
  // Counts are in the journal, whatever was kept beside it.
  if (last.phase === 'published' && last.classCounts) {
    const { survivors, dropped, classCounts, unmasked } = last;
    const transcript = unmasked && { transcript: unmasked.transcript };
    return { outcome: 'counted', round, attempt, survivors, dropped, classCounts, ...transcript };
  }
  // A model that was published in the last moment was not kept: its round is spent.
  const isPublished = last.phase === 'published';
  const state = isEnded(last) ? last : step(last, { kind: 'stop' }).next;
  // What the sites of a repetition have revealed before remains revealed.
  const isRepetition = start.rules.masking?.repair !== undefined;
  // What is missing of the journal may be that sites were asked to unmask.
  const isUnclear = !isWhole && start.rules.masking !== undefined;
  const spent = isPublished || isRepetition || isUnclear || (state.phase === 'aborted' && state.spent);
  return {
    outcome: 'aborted',
    ...{ round, attempt, dropped: state.dropped },
    reason: 'coordinator-restarted',
    ...(spent && { spent: true }),
  };
}
