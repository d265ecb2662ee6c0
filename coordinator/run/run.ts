/**
 * Carries out a run: round after round through `coordinator/round`, from one global model to the next. It is the only
 * loop over rounds; what comes next is decided in `progress.ts`.
 */
import { availableParallelism } from 'node:os';
import { ConsiliumError, InvariantError, messageOf } from '../../shared/errors.ts';
import type { ModelHash, SiteId } from '../../shared/ids.ts';
import { logitBiasSpan } from '../../shared/learning/training/logit-calibration.ts';
import { modelHashOf } from '../../shared/protocol/model-hash.ts';
import { vectorLengthOf } from '../../shared/protocol/initial-model.ts';
import { hashPlan } from '../../shared/protocol/plan.ts';
import type { RunLayout } from '../../shared/protocol/plan-network.ts';
import { countsLayout, isCountsRound, needsClassCounts } from '../../shared/protocol/class-counts.ts';
import { layoutOf } from '../../shared/protocol/masking-context.ts';
import { sameContext, type RoundContext } from '../../shared/protocol/messages.ts';
import { createMaskPool, type MaskPool } from '../../shared/secagg/parallel-masks.ts';
import { chunkedGateway, type ChunkedGateway } from '../../shared/protocol/chunked-transport.ts';
import { federatedPart, memoryManifest } from '../aggregation/federated-part.ts';
import { initServer, serverControlOf, type ServerRules, type ServerState } from '../aggregation/server.ts';
import { admit, payloadBytesOf, type AdmissionKeys } from '../round/admission.ts';
import type { RoundEnd } from '../round/ending.ts';
import type { RoundReport } from '../round/events.ts';
import {
  resumeRound,
  startRound,
  type RoundOutcome,
  type RoundServices,
  type RunningRound,
} from '../round/interpreter.ts';
import { endFrame } from '../round/outgoing-frames.ts';
import { rulesOf, type PlannedRepair, type RoundRules } from '../round/state.ts';
import { dropReasonOf, recordOf } from './attempt-record.ts';
import { cheatsIn, maskingRulesOf } from './masking-rules.ts';
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
import type { InterruptedAttempt } from './recovery.ts';
import { LONGEST_WAIT_MS, Returning, whenAborted } from './returning.ts';
import type { RunOptions, RunPosition, RunResult } from './run-options.ts';

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
  readonly #returning: Returning;
  /** Of the attempt before: whoever was away hears of it first. */
  #before: RoundEnd | undefined;
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
    const { awaited = [], before } = options.unfinished ?? {};
    this.#before = before;
    this.#returning = new Returning(awaited.filter((siteId) => roster.has(siteId)));
  }

  #restore({ records, state, best, repair }: RunPosition): void {
    this.#progress = records.reduce(recordAttempt, this.#progress);
    this.#state = state;
    this.#best = best;
    this.#repair = repair;
  }

  async execute(): Promise<RunResult> {
    const { signal, leave, clock } = this.#options;
    const stop = (): void => {
      this.#current?.post({ kind: 'stop' });
      this.#returning.giveUp();
    };
    const giveUp = (): void => {
      this.#returning.giveUp();
    };
    signal?.addEventListener('abort', stop, { once: true });
    leave?.addEventListener('abort', giveUp, { once: true });
    this.#listen();
    this.#returning.begin(clock);
    try {
      return await this.#carryOn();
    } finally {
      giveUp();
      signal?.removeEventListener('abort', stop);
      leave?.removeEventListener('abort', giveUp);
      await this.#masks.close();
    }
  }

  async #carryOn(): Promise<RunResult> {
    const { signal, leave, unfinished } = this.#options;
    if (unfinished?.interrupted && !signal?.aborted) {
      const { interrupted } = unfinished;
      // Whoever is asked first would otherwise be the whole cohort.
      if (interrupted.invited.length === 0) await this.#returning.whenBack();
      if (!leave?.aborted) await this.#attempt(interrupted.start.context, interrupted);
    }
    for (;;) {
      await this.#returning.whenBack();
      if (leave?.aborted) return this.#result({ kind: 'stopped' });
      const move = signal?.aborted ? { kind: 'stopped' as const } : this.#nextMove();
      if (move.kind !== 'attempt') return this.#result(move);
      if (await this.#hasWaited()) continue;
      await this.#attempt(move);
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
        if (this.#before?.invited.includes(siteId)) this.#tellEnd(siteId, this.#before);
        this.#returning.isBack(siteId);
        if (this.#mayTakePart(siteId)) this.#current?.post({ kind: 'connected', siteId });
      },
      disconnected: (siteId) => {
        this.#connected.delete(siteId);
        this.#current?.post({ kind: 'disconnected', siteId });
      },
      frame: (siteId, frame) => {
        this.#current?.post(admit(this.#admission, siteId, frame));
      },
      handled: () => this.#current?.handled() ?? Promise.resolve(),
      refused: (siteId, reason) => {
        this.#current?.post({ kind: 'rejected', siteId, reason: dropReasonOf(reason) });
      },
      advanced: (siteId) => {
        this.#current?.post({ kind: 'transferring', siteId });
      },
    });
  }

  async #attempt(
    { round, attempt }: { round: number; attempt: number },
    interrupted?: InterruptedAttempt,
  ): Promise<void> {
    const last = this.#progress.records.at(-1);
    // No other repetition follows a round that sites have been asked to unmask.
    this.#repairing =
      last?.outcome === 'aborted' && last.spent && last.round === round ? this.#repair : undefined;
    const { plan, runId } = this.#options;
    const modelHash = this.#nameOf(this.#state, round);
    const context = { runId, round, attempt, planHash: hashPlan(plan), modelHash };
    const judged: { validation?: ValidationResult } = {};
    // As it was announced: what is said again is the same to the byte.
    const ledger = interrupted ? interrupted.start.ledger : await this.#options.ledgerHead?.();
    const services = { ...this.#services(context, judged), ...(ledger && { ledger }) };
    const outcome = await this.#carriedOut(services, context, interrupted);
    if (this.#evaluationError) throw this.#evaluationError;
    if (!outcome) return;
    this.#before = outcome.end;
    // It may have ended in the life before, and nobody may know.
    if (interrupted) for (const siteId of outcome.end.invited) this.#tellEnd(siteId, outcome.end);
    const whole = this.#state;
    const state = outcome.state && federatedPart(this.#layout, round).put(outcome.state, whole);
    await this.#record({ ...outcome, ...(state && { state }) }, judged.validation);
  }

  /** Undefined when it is left as it is. */
  async #carriedOut(
    services: RoundServices,
    context: RoundContext,
    interrupted: InterruptedAttempt | undefined,
  ): Promise<RoundOutcome | undefined> {
    const { signal, leave, unfinished } = this.#options;
    const available = this.#available();
    let current: RunningRound;
    if (interrupted && unfinished) {
      const { start, invited } = interrupted;
      if (!sameContext(start.context, context))
        throw new InvariantError('the journal tells of another round than the one that comes next');
      if (invited.length > 0) this.#admit(context.round, invited.length);
      current = resumeRound(services, {
        ...{ start, available, graceMs: LONGEST_WAIT_MS },
        events: () => unfinished.events(),
      });
    } else {
      const { ledger } = services;
      const told = { ...(ledger && { ledger }), ...(this.#before && { before: this.#before }) };
      current = startRound(services, { kind: 'begin', context, rules: this.#rules(), available, ...told });
    }
    this.#current = current;
    if (signal?.aborted) current.post({ kind: 'stop' });
    const left = whenAborted(leave);
    const outcome = await Promise.race([current.finished, left.promise]);
    left.forget();
    if (!outcome) await current.suspend();
    return outcome;
  }

  #services({ round, attempt }: RoundContext, judged: { validation?: ValidationResult }): RoundServices {
    const { plan, identity, boxKeys, clock, journal, hooks, track } = this.#options;
    const classCounts = classCountsIn(this.#progress.records);
    const whole = this.#state;
    const part = federatedPart(this.#layout, round);
    return {
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
        judged.validation = await this.#evaluate(part.putWeights(weights, whole.weights), classCounts);
      },
      report: (report) => {
        this.#onReport({ round }, report);
        hooks?.report?.({ round, attempt }, report);
      },
    };
  }

  #tellEnd(siteId: SiteId, { context, message }: RoundEnd): void {
    if (this.#connected.has(siteId))
      this.#gateway.send(siteId, endFrame(this.#options.identity, context, message));
  }

  /** Of what a round starts from: the digest of the bytes that its sites get. */
  #nameOf(whole: ServerState, round: number): ModelHash {
    const state = federatedPart(this.#layout, round).pick(whole);
    return modelHashOf(state.weights, serverControlOf(state));
  }

  /** A repeated round takes all of its sites, or nobody answers. */
  #rules(): RoundRules {
    const { plan } = this.#options;
    const rules = rulesOf(plan, maskingRulesOf(this.#options, this.#progress.records, this.#repairing));
    const count = this.#repairing?.sites.length;
    return count === undefined ? rules : { ...rules, minimumCohort: count, minimumSurvivors: count };
  }

  #available(): SiteId[] {
    return [...this.#connected].filter((siteId) => this.#mayTakePart(siteId));
  }

  #mayTakePart(siteId: SiteId): boolean {
    return this.#repairing?.sites.includes(siteId) ?? !cheatsIn(this.#progress.records).has(siteId);
  }

  /** Keeps what is admitted, and the places for uploads, in step with the round. */
  #onReport(position: { readonly round: number }, report: RoundReport): void {
    if (report.kind === 'phaseEntered' && report.phase === 'advertising')
      this.#admit(position.round, report.cohortSize);
    if (report.kind === 'siteDropped') this.#gateway.abandon(report.siteId);
    // Whoever still waits for a place is not to blame that nothing of it advances.
    if (report.kind === 'extended')
      for (const siteId of this.#gateway.waiting()) this.#current?.post({ kind: 'transferring', siteId });
  }

  /** From now on updates of such a round are taken. `cohortSize`: all who were announced to. */
  #admit(round: number, cohortSize: number): void {
    const { plan } = this.#options;
    const layout = layoutOf(plan, cohortSize, round);
    const vectorLength = vectorLengthOf(plan, round);
    const counts = isCountsRound({ round })
      ? countsLayout(plan.task.classNames.length, cohortSize)
      : undefined;
    this.#admission = { ...this.#admission, vectorLength, layout, counts };
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
      const { signal, leave } = this.#options;
      if (!signal?.aborted && !leave?.aborted) this.#evaluationError = failure;
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
    const repair = this.#repair && { repair: this.#repair };
    await this.#options.hooks?.attempt?.(record, {
      records,
      state: this.#state,
      best: this.#best,
      ...repair,
    });
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
