/**
 * A round that a site was in when its program ended, and how it goes on: with the same keys, the same shares and the same
 * masked update, so that nothing is ever said twice with different words (Bonawitz et al. 2017, §6: a user's second
 * answer under other keys could unmask its first). Pure; the files are `round-files.ts`'s.
 */
import type { SiteId } from '../../shared/ids.ts';
import type { Frame } from '../../shared/protocol/codec.ts';
import { sameContext, type RoundContext } from '../../shared/protocol/messages.ts';
import type { Plan } from '../../shared/protocol/plan.ts';
import type { Evidence } from '../ledger/receipt.ts';
import type { SiteState } from '../training/site-state.ts';
import type { RoundSecrets } from './round-secrets.ts';
import type { Base, InRound, Session, SessionMasking } from './state.ts';
import { baseOf } from './transitions.ts';

/** What a site has agreed to. */
export interface Announced {
  readonly context: RoundContext;
  readonly plan: Plan;
  /** X25519, hexadecimal. */
  readonly boxKey: string;
  /** Everyone who was announced to. */
  readonly cohort: readonly SiteId[];
}

/** Between two timers of the system there are at most so many milliseconds: 2³¹ − 1. */
const LONGEST_TIMER_MS = 2_147_483_647;

/** Longer than any attempt of a round takes: each of its waiting phases has a deadline. */
export function longestRoundMs({ federation }: Plan): number {
  const { deadlinesMs, trainingLimitFactor } = federation;
  // Advertising, sharing keys, consistency and unmasking wait equally long.
  const waiting = 4 * deadlinesMs.advertising + trainingLimitFactor * deadlinesMs.training;
  return Math.min(LONGEST_TIMER_MS, 2 * waiting);
}

/** Where the session was; what it keeps from round to round is in its memory. */
export type RoundPosition = Omit<InRound, keyof Base>;

export interface InterruptedRound {
  readonly position: RoundPosition;
  readonly announced: Announced;
  /** Secure aggregation. */
  readonly secrets?: RoundSecrets;
  /** Once there was one. */
  readonly update?: Frame;
  /** What the site keeps if that update counts. */
  readonly kept?: SiteState;
  readonly evidence?: Evidence;
}

export interface ResumedRound extends Omit<InterruptedRound, 'position'> {
  readonly session: InRound;
}

/**
 * The session in its round again. Undefined when something is missing that an answer depends on: nothing was sent then,
 * or nothing more can be, and the site says that it has forgotten the round.
 */
export function resumeRound(
  fresh: Session,
  { position, announced, secrets, update, kept }: InterruptedRound,
): ResumedRound | undefined {
  const { context, masking } = position;
  const isSeen = fresh.seen.some((seen) => sameContext(seen, context));
  if (!isSeen || !sameContext(announced.context, context)) return undefined;
  if (masking && (!secrets || !sameContext(secrets.context, context))) return undefined;
  const there = whatIsThere(position, secrets, update);
  if (!there) return undefined;
  return {
    session: { ...baseOf(fresh), ...there },
    announced,
    ...(secrets && { secrets }),
    ...(update && there.phase === 'uploaded' && { update }),
    ...(kept && isSent(there) && { kept }),
  };
}

/** Whoever trains anew learns the same anew. */
const isSent = ({ phase }: RoundPosition): boolean =>
  phase !== 'advertised' && phase !== 'sharing' && phase !== 'training';

/** As far as the session has come with what was kept: an event is journalled before what follows from it is. */
function whatIsThere(
  position: RoundPosition,
  secrets: RoundSecrets | undefined,
  update: Frame | undefined,
): RoundPosition | undefined {
  const { phase, masking } = position;
  const hasShares = secrets?.held !== undefined;
  switch (phase) {
    case 'advertised':
    case 'sharing':
      return hasShares ? position : withoutSharers(position);
    case 'training':
      return beforeTraining(position, hasShares);
    case 'uploaded':
      return update ? position : beforeTraining(position, hasShares);
    case 'accepted':
    case 'consistent':
    case 'unmasked':
      return masking && !hasShares ? undefined : position;
  }
}

/** The shares of the others are asked for again. */
function withoutSharers(position: RoundPosition): RoundPosition {
  const { masking } = position;
  if (!masking) return position;
  const { header, cohort, binding, peers } = masking;
  const kept: SessionMasking = { header, cohort, binding, ...(peers && { peers }) };
  return { ...position, masking: kept };
}

/** Trains anew, from the same seed: the coordinator sends the model again to whoever owes an update. */
function beforeTraining(position: RoundPosition, hasShares: boolean): RoundPosition | undefined {
  if (!position.masking) return { ...position, phase: 'advertised' };
  const before: RoundPosition = { ...position, phase: 'sharing' };
  return hasShares ? before : withoutSharers(before);
}
