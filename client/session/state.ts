/**
 * The site's side of a round: what it has agreed to and how far it is. Plain data, as the coordinator's `Round`; weights,
 * keys and the finished update are the interpreter's.
 */
import type { SiteId } from '../../shared/ids.ts';
import type { RoundContext } from '../../shared/protocol/messages.ts';
import type { RunId } from '../../shared/ids.ts';
import type { Advertisement, MaskingHeader } from '../../shared/protocol/masking-messages.ts';
import type { SitePolicy } from './policy.ts';

/** What a session keeps whatever round it is in. */
export interface Base {
  readonly siteId: SiteId;
  readonly policy: SitePolicy;
  /** The last attempt of every run that this site answered; only later ones are answered again. */
  readonly seen: readonly RoundContext[];
  /** The last round of every run in which this site has answered an unmasking: there is no second answer. */
  readonly unmasked?: readonly { readonly runId: RunId; readonly round: number }[];
  /** Of every run the last round that was published with this site's update. */
  readonly transcripts?: readonly {
    readonly runId: RunId;
    readonly round: number;
    readonly transcript: string;
  }[];
  /** Of every run that counts classes. */
  readonly tallies?: readonly Tally[];
  /** The last round, when its unmasking has come to nothing: it may be repeated. Not kept when the program ends. */
  readonly inVain?: UnmaskedAttempt;
}

/** An attempt for which the site has revealed shares. */
export interface UnmaskedAttempt {
  readonly context: RoundContext;
  readonly masking: SessionMasking;
}

/** What a site knows of the class counts of a run. */
export interface Tally {
  readonly runId: RunId;
  /** Its own, once they are in a published sum. They stay at the site. */
  readonly own?: readonly number[];
  /** The federation's, as this site was told first. */
  readonly federation?: readonly number[];
}

/** What the site knows of a masked round; sets are named as in Bonawitz et al. 2017, Figure 4. Nothing of it is secret. */
export interface SessionMasking {
  /** With `repair`: all of the cohort survive, or the site reveals nothing. */
  readonly header: MaskingHeader;
  /** Everyone who was announced to. */
  readonly cohort: readonly SiteId[];
  /** `bindingOfTerms` */
  readonly binding: string;
  /** Once U1 is known. */
  readonly peers?: KnownPeers;
  /** U2, once it is known. */
  readonly sharers?: readonly SiteId[];
  /** U3, once this site has signed it. */
  readonly survivors?: readonly SiteId[];
}

export interface KnownPeers {
  /** U1, sorted by site. */
  readonly advertisements: readonly Advertisement[];
  /** Hexadecimal. */
  readonly advertisementsHash: string;
  /** `bindingOfMembers` */
  readonly memberBinding: string;
}

export interface Idle extends Base {
  readonly phase: 'idle';
  /** The attempts that this site had agreed to when its program ended; until it agrees to another one. */
  readonly forgotten?: readonly RoundContext[];
}

/**
 * In a round: has agreed to it, has dealt its shares (secure aggregation), trains for it, has sent its update, knows that
 * it has arrived, has signed who survives and has revealed its shares (secure aggregation).
 */
export interface InRound extends Base {
  readonly phase: 'advertised' | 'sharing' | 'training' | 'uploaded' | 'accepted' | 'consistent' | 'unmasked';
  readonly context: RoundContext;
  /** Secure aggregation only. */
  readonly masking?: SessionMasking;
  /** In the round of counts, once this site has counted. */
  readonly counts?: readonly number[];
}

export type Session = Idle | InRound;

/** What a site must not forget when its program ends: otherwise a round could be asked of it twice. */
export type SessionMemory = Pick<Base, 'seen' | 'unmasked' | 'transcripts' | 'tallies'>;

export const memoryOf = ({ seen, unmasked, transcripts, tallies }: SessionMemory): SessionMemory => ({
  seen,
  ...(unmasked && { unmasked }),
  ...(transcripts && { transcripts }),
  ...(tallies && { tallies }),
});

export function newSession(siteId: SiteId, policy: SitePolicy, memory: SessionMemory = { seen: [] }): Idle {
  const { seen } = memory;
  return { phase: 'idle', siteId, policy, ...memory, ...(seen.length > 0 && { forgotten: seen }) };
}
