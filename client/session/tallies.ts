/**
 * What a site checks of the class counts of a federation, and what it remembers of them. Under secure aggregation the
 * announced counts are bound into the context of the round, so that sites that were told others have nothing in common;
 * here is what one site can see by itself.
 */
import { COUNTS_ROUND } from '../../shared/protocol/class-counts.ts';
import type { RoundContext } from '../../shared/protocol/messages.ts';
import type { RefusalReason } from '../../shared/protocol/reasons.ts';
import type { CountsOffer } from './events.ts';
import type { Base, InRound, Tally } from './state.ts';

/** Whether the announcement has the counts that the plan asks for, and whether they can be true. */
export function countsFinding(
  session: Base,
  { runId, round }: RoundContext,
  offer: CountsOffer | undefined,
): RefusalReason | undefined {
  const isExpected = offer?.isPlanned === true && round !== COUNTS_ROUND;
  const announced = offer?.announced;
  // Only a plan that needs counts has a round of them.
  if (round === COUNTS_ROUND && offer?.isPlanned !== true) return 'counts-mismatch';
  if (isExpected !== (announced !== undefined)) return 'counts-mismatch';
  if (!announced) return undefined;
  if (announced.length !== offer.classCount) return 'counts-mismatch';
  const { own, federation } = tallyOf(session, runId);
  if (federation?.some((count, label) => count !== announced[label])) return 'counts-mismatch';
  if (own?.some((count, label) => count > (announced[label] ?? 0))) return 'counts-too-low';
  return undefined;
}

function tallyOf({ tallies = [] }: Base, runId: RoundContext['runId']): Tally {
  return tallies.find((tally) => tally.runId === runId) ?? { runId };
}

/** As this site was told. */
export const federationCounts = (session: Base, { runId }: RoundContext): Tally['federation'] =>
  tallyOf(session, runId).federation;

function withTally<S extends Base>(session: S, tally: Tally): S {
  const others = (session.tallies ?? []).filter(({ runId }) => runId !== tally.runId);
  return { ...session, tallies: [...others, tally] };
}

/** The counts that this site was told, from now on the only ones of the run. */
export function withFederation(session: Base, { runId }: RoundContext, offer: CountsOffer | undefined): Base {
  const federation = offer?.announced;
  return federation ? withTally(session, { ...tallyOf(session, runId), federation }) : session;
}

/** The phases in which the coordinator has said that the counts of this site are in. */
const ARRIVED: readonly InRound['phase'][] = ['accepted', 'consistent', 'unmasked'];

/** After a round of counts that was published with this site's: the announced ones cannot be below them. */
export function withOwnCounts(session: InRound): InRound {
  const { context, counts, phase } = session;
  if (!counts || !ARRIVED.includes(phase)) return session;
  return withTally(session, { ...tallyOf(session, context.runId), own: counts });
}
