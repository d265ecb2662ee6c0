/**
 * The site's side of a round: what it has agreed to and how far it is. Plain data, as the coordinator's `Round`; weights,
 * keys and the finished update are the interpreter's.
 */
import type { SiteId } from '../../shared/ids.ts';
import type { RoundContext } from '../../shared/protocol/messages.ts';
import type { SitePolicy } from './policy.ts';

interface Base {
  readonly siteId: SiteId;
  readonly policy: SitePolicy;
  /** The last attempt of every run that this site answered; only later ones are answered again. */
  readonly seen: readonly RoundContext[];
}

export interface Idle extends Base {
  readonly phase: 'idle';
}

/** In a round: has agreed to it, trains for it, has sent its update, or knows that it has arrived. */
export interface InRound extends Base {
  readonly phase: 'advertised' | 'training' | 'uploaded' | 'accepted';
  readonly context: RoundContext;
}

export type Session = Idle | InRound;

export function newSession(siteId: SiteId, policy: SitePolicy): Idle {
  return { phase: 'idle', siteId, policy, seen: [] };
}
