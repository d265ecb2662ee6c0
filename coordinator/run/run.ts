/**
 * Carries out a run: round after round through `coordinator/round`, from one global model to the next. It is the only
 * loop over rounds; what comes next is decided in `progress.ts`.
 */
import { availableParallelism } from 'node:os';
import type { AgreementKeyPair } from '../../shared/crypto/agreement.ts';
import { toHex } from '../../shared/crypto/bytes.ts';
import type { Clock } from '../../shared/clock.ts';
import type { Identity } from '../../shared/crypto/identity.ts';
import { ConsiliumError, messageOf } from '../../shared/errors.ts';
import type { ModelHash, RunId, SiteId } from '../../shared/ids.ts';
import { logitBiasSpan } from '../../shared/learning/training/logit-calibration.ts';
import type { Manifest } from '../../shared/learning/weights.ts';
import { modelHashOf } from '../../shared/protocol/model-hash.ts';
import { vectorLengthOf } from '../../shared/protocol/initial-model.ts';
import { hashPlan, type Plan } from '../../shared/protocol/plan.ts';
import type { RunLayout } from '../../shared/protocol/plan-network.ts';
import { countsLayout, isCountsRound, needsClassCounts } from '../../shared/protocol/class-counts.ts';
import { layoutOf } from '../../shared/protocol/masking-context.ts';
import { hashRoster } from '../../shared/protocol/roster.ts';
import { createMaskPool, type MaskPool } from '../../shared/secagg/parallel-masks.ts';
import { chunkedGateway, type ChunkedGateway } from '../../shared/protocol/chunked-transport.ts';
import type { SiteGateway } from '../../shared/protocol/transport.ts';
import { federatedPart, memoryManifest } from '../aggregation/federated-part.ts';
import { initServer, serverControlOf, type ServerRules, type ServerState } from '../aggregation/server.ts';
import { admit, payloadBytesOf, type AdmissionKeys } from '../round/admission.ts';
import type { RoundReport } from '../round/events.ts';
import { startRound, type RoundOutcome, type RunningRound } from '../round/interpreter.ts';
import type { Journal } from '../round/journal.ts';
import type { MaskingRules } from '../round/masking-state.ts';
import { rulesOf, type PlannedRepair, type RoundRules } from '../round/state.ts';
import { dropReasonOf, recordOf } from './attempt-record.ts';
import type { PauseSwitch } from './pause.ts';
import {
  classCountsIn,
  newProgress,
  nextMove,
  recordAttempt,
  type AttemptRecord,
  type NextMove,
  type RunProgress,
  type ValidationResult,
} from './progress.ts';

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
  readonly hooks?: RunHooks;
  /** Aborts the round in progress; the run ends as stopped. */
  readonly signal?: AbortSignal;
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
}

/** All that the next rounds depend on at the coordinator. */
export interface RunPosition {
  readonly records: readonly AttemptRecord[];
  readonly state: ServerState;
  readonly best: RunResult['best'];
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

/** The coordinator's own evaluation failed: no round can be judged, so the run ends. */
export class EvaluationError extends ConsiliumError {
  readonly code = 'EVALUATION';
}

/** @throws InputError for a strategy that the model does not fit; EvaluationError, or what the journal throws; sites cannot make it throw. */
export function executeRun(options: RunOptions): Promise<RunResult> {
  return new Run(options).execute();
}

class Run {
  readonly #options: RunOptions;
  readonly #gateway: ChunkedGateway;
  readonly #connected = new Set<SiteId>();
  #progress: RunProgress;
  readonly #serverRules: ServerRules;
  readonly #layout: RunLayout;
  #state: ServerState;
  #best: RunResult['best'];
  #current: RunningRound | undefined;
  /** The last round can be repeated. */
  #repair: PlannedRepair | undefined;
  /** The round in progress is such a repetition. */
  #repairing: PlannedRepair | undefined;
  #evaluationError: EvaluationError | undefined;
  readonly #masks: MaskPool;
  #admission: AdmissionKeys;

  constructor(options: RunOptions) {
    this.#options = options;
    this.#progress = newProgress(options.plan.federation, needsClassCounts(options.plan));
    const { strategy, rounds } = options.plan.federation;
    const { manifest, roster, plan, gateway, chunkBytes, boxKeys } = options;
    this.#layout = { start: manifest, ...(options.thawed && { thawed: options.thawed }) };
    this.#admission = { roster, boxKeys, plan, vectorLength: vectorLengthOf(plan, 1), layout: undefined };
    this.#masks = createMaskPool({ workers: options.maskWorkers ?? availableParallelism() });
    this.#gateway = chunkedGateway(gateway, {
      expectedBytes: () => payloadBytesOf(this.#admission),
      chunkBytes,
    });
    // What cannot be adjusted is refused before anyone counts.
    if (plan.training.logitAdjustmentTau > 0) logitBiasSpan(manifest, plan.task.classNames.length);
    this.#serverRules = { strategy, rounds, manifest, siteCount: options.siteCount ?? roster.size };
    this.#state = initServer(this.#serverRules, options.initialWeights, memoryManifest(this.#layout).length);
    if (options.from) this.#restore(options.from);
  }

  #restore({ records, state, best }: RunPosition): void {
    this.#progress = records.reduce(recordAttempt, this.#progress);
    this.#state = state;
    this.#best = best;
  }

  async execute(): Promise<RunResult> {
    const { signal } = this.#options;
    const stop = (): void => {
      this.#current?.post({ kind: 'stop' });
    };
    signal?.addEventListener('abort', stop, { once: true });
    this.#listen();
    try {
      for (;;) {
        const move = signal?.aborted ? { kind: 'stopped' as const } : this.#nextMove();
        if (move.kind !== 'attempt') return this.#result(move);
        if (await this.#hasWaited()) continue;
        await this.#attempt(move);
      }
    } finally {
      signal?.removeEventListener('abort', stop);
      await this.#masks.close();
    }
  }

  #nextMove(): NextMove {
    const { minimumCohort } = this.#options.plan.federation;
    const { sites } = this.#repair ?? { sites: [] };
    const isThere = sites.length >= minimumCohort && sites.every((siteId) => this.#connected.has(siteId));
    return nextMove(this.#progress, isThere);
  }

  /** True after a pause: what comes next is then looked at again. */
  async #hasWaited(): Promise<boolean> {
    const { pause, hooks, signal } = this.#options;
    if (!pause?.isPaused) return false;
    hooks?.paused?.();
    await pause.whenResumed(signal);
    hooks?.resumed?.();
    return true;
  }

  #listen(): void {
    const { roster } = this.#options;
    this.#gateway.listen({
      connected: (siteId) => {
        if (!roster.has(siteId)) return;
        this.#connected.add(siteId);
        if (this.#mayTakePart(siteId)) this.#current?.post({ kind: 'connected', siteId });
      },
      disconnected: (siteId) => {
        this.#connected.delete(siteId);
        this.#current?.post({ kind: 'disconnected', siteId });
      },
      frame: (siteId, frame) => {
        this.#current?.post(admit(this.#admission, siteId, frame));
      },
      refused: (siteId, reason) => {
        this.#current?.post({ kind: 'rejected', siteId, reason: dropReasonOf(reason) });
      },
      advanced: (siteId) => {
        this.#current?.post({ kind: 'transferring', siteId });
      },
    });
  }

  async #attempt({ round, attempt }: { round: number; attempt: number }): Promise<void> {
    const last = this.#progress.records.at(-1);
    // No other repetition follows a round that sites have been asked to unmask.
    this.#repairing =
      last?.outcome === 'aborted' && last.spent && last.round === round ? this.#repair : undefined;
    const { plan, identity, boxKeys, clock, journal, hooks, runId, track } = this.#options;
    const classCounts = classCountsIn(this.#progress.records);
    let validation: ValidationResult | undefined;
    const whole = this.#state;
    const part = federatedPart(this.#layout, round);
    const context = {
      runId,
      round,
      attempt,
      planHash: hashPlan(plan),
      modelHash: this.#nameOf(whole, round),
    };
    this.#current = startRound(
      {
        plan,
        identity,
        boxKeys,
        clock,
        journal,
        serverRules: { ...this.#serverRules, manifest: part.manifest },
        state: part.pick(whole),
        nameOf: (state) => this.#nameOf(part.put(state, whole), round + 1),
        masks: this.#masks,
        ...(classCounts && { classCounts }),
        ...(track && { track }),
        send: (to, frame) => {
          this.#gateway.send(to, frame);
        },
        evaluate: async (weights) => {
          validation = await this.#evaluate(part.putWeights(weights, whole.weights), classCounts);
        },
        report: (report) => {
          this.#onReport({ round }, report);
          hooks?.report?.({ round, attempt }, report);
        },
      },
      { kind: 'begin', context, rules: this.#rules(), available: this.#available() },
    );
    const outcome = await this.#current.finished;
    if (this.#evaluationError) throw this.#evaluationError;
    const state = outcome.state && part.put(outcome.state, whole);
    await this.#record({ ...outcome, ...(state && { state }) }, validation);
  }

  /** Of what a round starts from: the digest of the bytes that its sites get. */
  #nameOf(whole: ServerState, round: number): ModelHash {
    const state = federatedPart(this.#layout, round).pick(whole);
    return modelHashOf(state.weights, serverControlOf(state));
  }

  /** A repeated round takes all of its sites, or nobody answers. */
  #rules(): RoundRules {
    const rules = rulesOf(this.#options.plan, this.#maskingRules());
    const count = this.#repairing?.sites.length;
    return count === undefined ? rules : { ...rules, minimumCohort: count, minimumSurvivors: count };
  }

  #available(): SiteId[] {
    return [...this.#connected].filter((siteId) => this.#mayTakePart(siteId));
  }

  #mayTakePart(siteId: SiteId): boolean {
    return this.#repairing?.sites.includes(siteId) ?? !this.#cheats().has(siteId);
  }

  /** Sites that have been shown to cheat: they take part no more. */
  #cheats(): ReadonlySet<SiteId> {
    const drops = this.#progress.records.flatMap(({ dropped }) => dropped);
    const cheats = drops.filter(({ reason }) => reason === 'bad-share' || reason === 'bad-secret');
    return new Set(cheats.map(({ siteId }) => siteId));
  }

  /** Undefined for a plan without secure aggregation. */
  #maskingRules(): MaskingRules | undefined {
    const { plan, roster, identity } = this.#options;
    if (plan.protection.mode !== 'secure-aggregation') return undefined;
    const { records } = this.#progress;
    const last = records.findLast((record) => record.outcome !== 'aborted');
    const previous =
      last?.transcript === undefined ? null : { round: last.round, transcript: last.transcript };
    const classCounts = classCountsIn(records);
    return {
      ...{ plan, rosterHash: hashRoster(roster), coordinatorKey: toHex(identity.publicKey), previous },
      ...(classCounts && { classCounts }),
      ...(this.#repairing && {
        repair: { attempt: this.#repairing.attempt, proofs: this.#repairing.proofs },
      }),
    };
  }

  /** Keeps what is admitted, and the places for uploads, in step with the round. */
  #onReport(position: { readonly round: number }, report: RoundReport): void {
    if (report.kind === 'phaseEntered' && report.phase === 'advertising') {
      const { plan } = this.#options;
      const layout = layoutOf(plan, report.cohortSize, position.round);
      const vectorLength = vectorLengthOf(plan, position.round);
      const counts = isCountsRound(position)
        ? countsLayout(plan.task.classNames.length, report.cohortSize)
        : undefined;
      this.#admission = { ...this.#admission, vectorLength, layout, counts };
    }
    if (report.kind === 'siteDropped') this.#gateway.abandon(report.siteId);
    // Whoever still waits for a place is not to blame that nothing of it advances.
    if (report.kind === 'extended')
      for (const siteId of this.#gateway.waiting()) this.#current?.post({ kind: 'transferring', siteId });
  }

  async #evaluate(
    weights: Float32Array,
    classCounts: readonly number[] | undefined,
  ): Promise<ValidationResult> {
    try {
      return await this.#options.evaluate(weights, classCounts);
    } catch (error) {
      // A stopped run breaks its evaluation off; that is no failure of its own.
      const failure = new EvaluationError(`the global model cannot be evaluated: ${messageOf(error)}`, {
        cause: error,
      });
      if (!this.#options.signal?.aborted) this.#evaluationError = failure;
      throw failure;
    }
  }

  async #record(outcome: RoundOutcome, validation: ValidationResult | undefined): Promise<void> {
    const record = this.#noteRepair(outcome.round, recordOf(outcome, validation));
    this.#progress = recordAttempt(this.#progress, record);
    if (record.outcome === 'published' && outcome.state) {
      this.#state = outcome.state;
      if (this.#progress.best === record)
        this.#best = { round: record.round, weights: outcome.state.weights };
    }
    const { records } = this.#progress;
    await this.#options.hooks?.attempt?.(record, { records, state: this.#state, best: this.#best });
  }

  /** What its sites have revealed before remains revealed, however a repetition ends. */
  #noteRepair(round: RoundOutcome['round'], record: AttemptRecord): AttemptRecord {
    const left = round.phase === 'aborted' ? (round.repair ?? this.#repairing) : undefined;
    this.#repair = left;
    return left && record.outcome === 'aborted' ? { ...record, spent: true } : record;
  }

  #result(end: RunResult['end']): RunResult {
    const { records } = this.#progress;
    return { end, records, finalWeights: this.#state.weights, best: this.#best };
  }
}
