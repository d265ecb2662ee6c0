/** What a run needs from its surroundings, what it tells them, and what it leaves behind for another execution of it. */
import type { AgreementKeyPair } from '../../shared/crypto/agreement.ts';
import type { Clock } from '../../shared/clock.ts';
import type { Identity } from '../../shared/crypto/identity.ts';
import type { RunId, SiteId } from '../../shared/ids.ts';
import type { Manifest } from '../../shared/learning/weights.ts';
import type { LedgerAnchor } from '../../shared/protocol/ledger-anchor.ts';
import type { Plan } from '../../shared/protocol/plan.ts';
import type { RunLayout } from '../../shared/protocol/plan-network.ts';
import type { SiteGateway } from '../../shared/protocol/transport.ts';
import type { ServerState } from '../aggregation/server.ts';
import type { RoundEvent, RoundReport } from '../round/events.ts';
import type { Journal } from '../round/journal.ts';
import type { PlannedRepair } from '../round/state.ts';
import type { PauseSwitch } from './pause.ts';
import type { AttemptRecord, NextMove, ValidationResult } from './progress.ts';
import type { Recovery } from './recovery.ts';

export interface RunOptions {
  readonly runId: RunId;
  readonly plan: Plan;
  readonly initialWeights: Float32Array;
  /** Layout of the weights; what it marks as frozen takes part in no round. */
  readonly manifest: Manifest;
  /** From round `fromRound` on: the same layout, in which nothing is frozen. */
  readonly thawed?: RunLayout['thawed'];
  readonly identity: Identity;
  readonly boxKeys: AgreementKeyPair;
  /** Ed25519 public keys of the enrolled sites. */
  readonly roster: ReadonlyMap<SiteId, Uint8Array>;
  /** Of them, those that the run is for. Default: all. */
  readonly siteCount?: number;
  readonly gateway: SiteGateway;
  readonly clock: Clock;
  readonly journal: Journal;
  /** Judges a global model on the validation set. `classCounts`: of the federation, where the plan needs them. */
  evaluate(weights: Float32Array, classCounts?: readonly number[]): Promise<ValidationResult>;
  /** Where the coordinator's ledger stands. Absent: sites are not told. */
  ledgerHead?(): Promise<LedgerAnchor>;
  readonly hooks?: RunHooks;
  /** Aborts the round in progress; the run ends as stopped. */
  readonly signal?: AbortSignal;
  /** Leaves the round in progress as it is, for another execution to go on with. */
  readonly leave?: AbortSignal;
  /** Makes the run wait between two rounds. */
  readonly pause?: PauseSwitch;
  /** How large payloads are cut. Default: see `transfer-messages.ts`. */
  readonly chunkBytes?: number;
  /** Threads that take masks off a large sum. Default: one for each core. */
  readonly maskWorkers?: number;
  /** Told of work that goes on while no event is handled: a simulation holds its clock meanwhile. */
  readonly track?: <T>(work: Promise<T>) => Promise<T>;
  /** Where an earlier execution of the same run was left: it goes on with the next round. */
  readonly from?: RunPosition;
  /** What that execution had begun and not finished. */
  readonly unfinished?: UnfinishedWork;
}

/** What is left of an earlier execution beside its position. */
export interface UnfinishedWork extends Omit<Recovery, 'lost'> {
  /** What was journalled of `interrupted` after its start. */
  events(): AsyncIterable<RoundEvent>;
}

/** All that the next rounds depend on at the coordinator. */
export interface RunPosition {
  readonly records: readonly AttemptRecord[];
  readonly state: ServerState;
  readonly best: RunResult['best'];
  /** The last round can be repeated without those who have spoilt it. */
  readonly repair?: PlannedRepair;
}

export interface RunHooks {
  /** The run waits before its next round, and goes on. */
  paused?(): void;
  resumed?(): void;
  report?(position: { readonly round: number; readonly attempt: number }, report: RoundReport): void;
  /** After every attempt, published, counted or aborted. The run goes on when it has resolved. */
  attempt?(record: AttemptRecord, position: RunPosition): Promise<void> | void;
}

export interface RunResult {
  readonly end: Exclude<NextMove, { kind: 'attempt' }>;
  readonly records: readonly AttemptRecord[];
  /** After the last published round; the initial weights when there is none. */
  readonly finalWeights: Float32Array;
  /** The published model with the best validation score; undefined when no round was published. */
  readonly best: { readonly round: number; readonly weights: Float32Array } | undefined;
}
