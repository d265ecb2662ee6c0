/** What the site's page shows: the answers of its local server. Types only; the page imports them as such. */
import type { SiteNow } from '../agent/site-monitor.ts';
import type { BenefitRow } from '../training/benefit.ts';

/** `viewer` sees what there is to see, but neither file names nor images, and changes nothing. */
export type PageRole = 'administrator' | 'viewer';

export interface SessionView {
  readonly person: string;
  readonly role: PageRole;
  /** To be sent as the header `x-csrf-token` with every request that changes something. */
  readonly csrfToken: string;
  readonly expiresAt: string;
}

/** `elsewhere`: another process of this machine is the agent. */
export type AgentStatus = 'running' | 'elsewhere' | 'stopping' | 'not-running';
export type StopWhen = 'after-round' | 'at-once';

export interface StateView {
  /** By the clock of this machine. */
  readonly nowMs: number;
  readonly site: {
    readonly siteId: string;
    readonly fingerprint: string;
    readonly folder: string;
    readonly version: string;
    readonly engine: string;
    readonly data: string | null;
  };
  readonly coordinator: { readonly url: string; readonly fingerprint: string };
  readonly agent: AgentStatus;
  readonly stopping: StopWhen | null;
  /** Of an agent of this process. */
  readonly now: SiteNow | null;
  readonly policy: {
    readonly problem: string | null;
    readonly approvedPlans: number;
    readonly twoPersonApproval: boolean;
  };
}

export type PlanState = 'approved' | 'proposed' | 'refused' | 'undecided';

export interface PlanView {
  readonly planHash: string;
  readonly name: string;
  /** One sentence a line. */
  readonly summary: readonly string[];
  /** The whole plan, for those who want every field. */
  readonly plan: object;
  readonly state: PlanState;
  /** When it was decided last; null when never. */
  readonly decidedAt: string | null;
  /** Who has approved already, where the policy asks for two people. */
  readonly proposedBy: string | null;
  /** Against the plan that was approved before; null where there is none to compare with. */
  readonly difference: { readonly planHash: string; readonly lines: readonly string[] } | null;
  /** Why the images of the last scan do not fit; null when they do or nothing was scanned. */
  readonly misfit: string | null;
  /** What the policy will refuse all the same. */
  readonly note: string | null;
}

export interface RosterView {
  readonly rosterHash: string;
  readonly sites: readonly { readonly siteId: string; readonly fingerprint: string }[];
  /** Against the list that was accepted before. */
  readonly difference: readonly string[];
  readonly isAccepted: boolean;
}

export interface PlansView {
  /** Why the coordinator cannot be asked; null when it was. */
  readonly problem: string | null;
  readonly plans: readonly PlanView[];
  readonly roster: RosterView | null;
  /** Approved here, and not offered by the coordinator (any more, or because it cannot be asked). */
  readonly otherApproved: readonly string[];
  readonly isScanned: boolean;
  readonly twoPersonApproval: boolean;
}

export interface SentView {
  /** The message's type. */
  readonly what: string;
  /** For people. */
  readonly words: string;
  readonly bytes: number;
  readonly sha512: string;
  readonly time: string;
}

/** What left the hospital in an attempt of a round. */
export interface EgressView {
  readonly runId: string;
  readonly round: number;
  readonly attempt: number;
  readonly planHash: string;
  readonly time: string;
  readonly cohortSize: number | null;
  readonly protection: string | null;
  readonly sent: readonly SentView[];
  readonly bytes: number;
  readonly trained: {
    readonly steps: number;
    readonly seconds: number;
    readonly engine: string;
    readonly examples: string | null;
  } | null;
  readonly refused: string | null;
  readonly failed: boolean;
  readonly receipt: {
    readonly file: string;
    readonly survivors: number;
    readonly newModelHash: string;
    /** Undefined when the signatures are good. */
    readonly fault: string | null;
  } | null;
  /** The same in sentences. */
  readonly words: readonly string[];
}

export interface ReceiptsView {
  /** Newest first. */
  readonly rounds: readonly EgressView[];
  readonly totalBytes: number;
  readonly publishedRounds: number;
  /** No plan of this version asks for differential privacy. */
  readonly epsilon: string;
  /** Receipt files that prove nothing. */
  readonly faults: readonly string[];
}

export interface DataView {
  readonly source: string | null;
  readonly manifest: {
    readonly time: string;
    readonly imageCount: number;
    readonly patientCount: number;
    readonly synthetic: boolean;
    readonly digest: string;
    readonly fileCount: number;
    readonly classes: readonly {
      readonly name: string;
      readonly images: number;
      readonly patients: number;
    }[];
    readonly rejectedCount: number;
    /** File names are shown to administrators only. */
    readonly rejected: readonly { readonly file: string | null; readonly reason: string }[];
  } | null;
  /** Of another source than the agent's now, or damaged. */
  readonly problem: string | null;
  readonly scan: {
    readonly isRunning: boolean;
    readonly done: number | null;
    readonly total: number | null;
    readonly problem: string | null;
  };
}

export interface SamplesView {
  /** With the names of pictures to be asked for. */
  readonly groups: readonly { readonly label: string; readonly ids: readonly string[] }[];
}

export interface TrainedView {
  readonly time: string;
  readonly runId: string;
  readonly round: number;
  readonly planHash: string;
  readonly planName: string;
  readonly steps: number;
  readonly seconds: number;
  readonly exampleCount: number;
  readonly meanLoss: number;
  readonly device: string | null;
  /** Of the global model that the round started from, on our own validation images. */
  readonly validation: {
    readonly exampleCount: number;
    readonly correctCount: number;
    readonly accuracy: IntervalView;
    readonly meanLoss: number;
  } | null;
}

/** With its 95 % interval. */
export interface IntervalView {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

export interface TrainingView {
  /** Oldest first. */
  readonly rounds: readonly TrainedView[];
}

export interface PolicyView {
  readonly file: string;
  /** As it stands on disk; null when it cannot be read. */
  readonly text: string | null;
  readonly problem: string | null;
  readonly sentences: readonly string[];
}

export interface LedgerEntryView {
  readonly seq: number;
  readonly time: string;
  readonly actor: string;
  readonly kind: string;
  readonly words: string;
}

export interface LedgerView {
  /** Newest first. */
  readonly entries: readonly LedgerEntryView[];
  /** Of entries that fit the question. */
  readonly total: number;
  readonly fault: string | null;
}

export interface VerificationView {
  readonly entries: number;
  readonly receipts: number;
  readonly head: string;
  readonly fault: string | null;
}

/** What changed, so that the page asks again; with `state` comes what the agent does. */
export type PageEvent =
  | { readonly topic: 'state'; readonly state: StateView }
  | { readonly topic: 'plans' | 'receipts' | 'data' | 'training' | 'policy' | 'ledger' | 'benefit' }
  | { readonly topic: 'signed-out'; readonly reason: 'expired' | 'ended' }
  /** The page's server ends with its agent. */
  | { readonly topic: 'ended' };

export interface BenefitResult {
  readonly time: string;
  readonly runId: string;
  /** The federation's model is the one that this round started from. */
  readonly round: number;
  readonly planName: string;
  /** Held back here: nobody has trained on them. */
  readonly images: number;
  readonly patients: number;
  readonly rows: readonly BenefitRow[];
}

export interface BenefitView {
  /** Why it cannot be computed now; null when it can. */
  readonly missing: string | null;
  /** What would be compared; null when nothing can. */
  readonly subject: { readonly runId: string; readonly round: number; readonly planName: string } | null;
  readonly isRunning: boolean;
  readonly problem: string | null;
  readonly result: BenefitResult | null;
}
