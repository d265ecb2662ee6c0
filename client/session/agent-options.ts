/** What a site's agent needs from its surroundings. */
import type { Clock } from '../../shared/clock.ts';
import type { Identity } from '../../shared/crypto/identity.ts';
import type { SiteId } from '../../shared/ids.ts';
import type { Frame } from '../../shared/protocol/codec.ts';
import type { CoordinatorMessage, RoundContext } from '../../shared/protocol/messages.ts';
import type { Roster } from '../../shared/protocol/roster.ts';
import type { TransferSlots } from '../../shared/protocol/transfer-slots.ts';
import type { CoordinatorLink } from '../../shared/protocol/transport.ts';
import type { RoundLedger } from '../ledger/acts.ts';
import type { Evidence, Receipt } from '../ledger/receipt.ts';
import type { LocalTrainer } from '../training/local-update.ts';
import type { SiteState, SiteStates } from '../training/site-state.ts';
import type { SiteView } from './admission.ts';
import type { SessionEvent, SessionReport } from './events.ts';
import type { Announced, InterruptedRound } from './interrupted-round.ts';
import type { SitePolicy } from './policy.ts';
import type { RoundSecrets } from './round-secrets.ts';
import type { Session, SessionMemory } from './state.ts';

export interface SiteJournal {
  /** `memory`: what the session remembers after the event. Resolves once that, and `next`, would survive the process. */
  append(event: SessionEvent, memory: SessionMemory, next: Session): Promise<void>;
  /** What the site agrees to, before it says so. */
  keepAnnounced?(announced: Announced): Promise<void>;
  /** What the coordinator has signed in this round, for the receipt. */
  keepEvidence?(evidence: Evidence): Promise<void>;
  /** What becomes the site's state of the run if the finished update counts. Before the update. */
  keepState?(context: RoundContext, kept: SiteState): Promise<void>;
  /** The finished update, protected and signed, before it is sent. */
  keepUpdate?(context: RoundContext, frame: Frame): Promise<void>;
  /**
   * Secure aggregation: the secrets of the round, anew whenever there are more. Resolves once they would survive the
   * process; nothing that depends on them is sent before. What is handed over is to be kept as a copy.
   */
  keepSecrets?(secrets: RoundSecrets): Promise<void>;
}

export interface SiteAgentOptions {
  readonly siteId: SiteId;
  readonly identity: Identity;
  /** Ed25519 public key of the coordinator, pinned when the site enrolled. */
  readonly coordinatorKey: Uint8Array;
  readonly policy: SitePolicy;
  /** The roster that this site has accepted. Absent: no part in secure aggregation. */
  readonly roster?: Roster;
  /** Checks the signatures of peers. Default: `verifyStatement`; sites of one process can share their findings. */
  readonly verify?: SiteView['verify'];
  /** Decodes a frame; undefined for one against the protocol. Default: `receive`; sites of one process are sent the same. */
  readonly receive?: (frame: Frame) => CoordinatorMessage | undefined;
  readonly link: CoordinatorLink;
  /** Between two words about the steps of a training. Default: the system's clock. */
  readonly clock?: Clock;
  /** How large payloads are cut. Default: see `transfer-messages.ts`. */
  readonly chunkBytes?: number;
  /** Shared by agents of one process: how many of them receive a model at once. */
  readonly slots?: TransferSlots<object>;
  readonly trainer: LocalTrainer;
  /** What the strategy keeps at the site from round to round. Default: in memory. */
  readonly states?: SiteStates;
  readonly journal?: SiteJournal;
  /** What `journal` kept when the program ended. */
  readonly memory?: SessionMemory;
  /** What `journal` kept of the round that the site was in. */
  readonly interrupted?: InterruptedRound;
  /** Entered before the act. Absent: nothing is. */
  readonly ledger?: RoundLedger;
  /** Kept when a round is published with this site's update. */
  readonly receipts?: { keep(receipt: Receipt): Promise<void> };
  /** Read again whenever a round is announced. Absent: `policy` and `roster` stay as they are. */
  readonly terms?: () => SiteTerms;
  readonly report?: (report: SessionReport) => void;
}

/** What the hospital's people decide while the agent runs. */
export interface SiteTerms {
  readonly policy: SitePolicy;
  readonly roster?: Roster;
}
