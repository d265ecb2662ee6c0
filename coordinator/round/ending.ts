/**
 * How an attempt at a round has ended, as its sites are told: at once, and once more when a site that was away, or the
 * coordinator itself, comes back. A site that does not hear of it would give up what it has learned in the round.
 */
import type { SiteId } from '../../shared/ids.ts';
import type { RoundContext } from '../../shared/protocol/messages.ts';
import type { Outgoing } from './events.ts';
import type { Aborted, Published, Round } from './state.ts';

export type EndMessage = Extract<Outgoing, { type: 'published' | 'aborted' }>;

export interface RoundEnd {
  readonly context: RoundContext;
  /** Everyone who was announced to. */
  readonly invited: readonly SiteId[];
  readonly message: EndMessage;
}

export const isEnded = (round: Round): round is Published | Aborted =>
  round.phase === 'published' || round.phase === 'aborted';

export function endMessage(round: Published | Aborted): EndMessage {
  if (round.phase === 'aborted') return { type: 'aborted', reason: round.reason };
  const { newModelHash, survivors, unmasked } = round;
  const digest = unmasked && { sumDigest: unmasked.sumDigest };
  return { type: 'published', newModelHash, survivorCount: survivors.length, ...digest };
}
