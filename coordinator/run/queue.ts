/**
 * The queue of runs: in the order in which they were added, those at once that share no site. Wishes (stop, pause, a new
 * run) are read from the database, so that they may come from another process. A run that was going on when the program
 * ended goes on in the middle of its round. Whatever a run ends of, the queue goes on with the next.
 */
import type { Clock } from '../../shared/clock.ts';
import { messageOf } from '../../shared/errors.ts';
import type { RunId, SiteId } from '../../shared/ids.ts';
import type { Model } from '../../shared/learning/graph/types.ts';
import { foldFederatedPrior } from '../../shared/learning/training/prior-adjustment.ts';
import { initialWeights, type Manifest } from '../../shared/learning/weights.ts';
import { encodeModel } from '../../shared/protocol/model-payload.ts';
import { layoutOfRun, type PlanNetwork } from '../../shared/protocol/plan-network.ts';
import type { Plan } from '../../shared/protocol/plan.ts';
import type { SiteGateway } from '../../shared/protocol/transport.ts';
import { memoryManifest } from '../aggregation/federated-part.ts';
import { initServer } from '../aggregation/server.ts';
import type { Evaluator } from '../evaluation/evaluator.ts';
import type { CoordinatorFolder } from '../config.ts';
import type { RoundReport } from '../round/events.ts';
import { explainDiskFault, isDiskFault } from '../storage/disk-fault.ts';
import { Administration } from '../storage/administration.ts';
import { CheckpointStore } from '../storage/checkpoint.ts';
import type { Database } from '../storage/database.ts';
import { RunJournal } from '../storage/journal-store.ts';
import { ModelStore } from '../storage/model-store.ts';
import type { RunHistory } from '../storage/run-history.ts';
import type { QueuedRun, RunStore } from '../storage/run-store.ts';
import type { StoredEvaluation } from '../storage/stored-evaluation.ts';
import { GatewayShares } from './gateway-shares.ts';
import { PauseSwitch } from './pause.ts';
import { classCountsIn, type AttemptRecord } from './progress.ts';
import { recover } from './recovery.ts';
import { planNetwork } from './plan-network.ts';
import { failureText } from './failure.ts';
import { executeRun } from './run.ts';
import type { RunOptions, RunPosition, RunResult, UnfinishedWork } from './run-options.ts';
import { sitesOf, startable } from './startable.ts';

export type QueueReport =
  | {
      readonly kind: 'runStarted' | 'runResumed' | 'runPaused' | 'runStopped' | 'runFinished';
      readonly runId: RunId;
    }
  | { readonly kind: 'runFailed'; readonly runId: RunId; readonly reason: string }
  | { readonly kind: 'attempt'; readonly runId: RunId; readonly record: AttemptRecord }
  | {
      readonly kind: 'round';
      readonly runId: RunId;
      readonly round: number;
      readonly attempt: number;
      readonly report: RoundReport;
    };

export interface QueueOptions {
  readonly folder: CoordinatorFolder;
  readonly database: Database;
  readonly runs: RunStore;
  readonly history: Pick<RunHistory, 'keepEvaluation'>;
  readonly gateway: SiteGateway;
  readonly clock: Clock;
  /** The sites that may take part now. */
  readonly roster: () => Promise<ReadonlyMap<SiteId, Uint8Array>>;
  readonly openEvaluator: (plan: Plan, network: Model) => Promise<Evaluator>;
  readonly report: (report: QueueReport) => void;
}

/** What says how a run's weights are used. */
interface PlannedModel {
  readonly plan: Plan;
  readonly manifest: Manifest;
}

type Beginning = Pick<RunOptions, 'manifest' | 'thawed' | 'initialWeights' | 'roster' | 'siteCount'>;

/** A run that goes on. */
interface Work {
  readonly stop: AbortController;
  readonly pause: PauseSwitch;
  /** Resolves when it has ended. */
  done: Promise<void>;
  /** Of the model that was judged last. */
  evaluation?: StoredEvaluation | undefined;
}

/** How often the database is asked for new wishes. */
const POLL_MS = 500;

export class RunQueue {
  readonly #options: QueueOptions;
  readonly #models: ModelStore;
  readonly #checkpoints: CheckpointStore;
  readonly #administration: Administration;
  readonly #ended = new AbortController();
  readonly #shares: GatewayShares;
  readonly #work = new Map<RunId, Work>();
  /** Ends the present wait. */
  #wake: () => void = () => undefined;
  /** The first run whose end could not be written down: rejects. */
  #broken: Promise<void> | undefined;

  constructor(options: QueueOptions) {
    this.#options = options;
    this.#models = new ModelStore(options.folder.models);
    this.#checkpoints = new CheckpointStore(options.folder.runs);
    const { database, clock, folder } = options;
    this.#administration = new Administration(database, clock, folder.identity);
    this.#shares = new GatewayShares(options.gateway);
  }

  /** Looks for runs until it is closed. Rejects when the database fails, or the disk. */
  async serve(): Promise<void> {
    try {
      await this.#serve();
    } catch (error) {
      throw explainDiskFault(error, this.#options.folder.path);
    }
  }

  async #serve(): Promise<void> {
    while (!this.#ended.signal.aborted) {
      const runs = await this.#options.runs.runs();
      for (const run of runs) this.#heed(run);
      for (const run of startable(runs, ({ runId }) => this.#work.has(runId))) this.#start(run);
      await this.#wait();
      await this.#broken;
    }
  }

  /** The runs in progress are left where they are; they go on when the program starts again. */
  async close(): Promise<void> {
    this.#ended.abort();
    const works = [...this.#work.values()];
    for (const { pause } of works) pause.resume();
    await Promise.allSettled(works.map(({ done }) => done));
  }

  /** Carries wishes about a run in progress to it. */
  #heed({ runId, status }: QueuedRun): void {
    const work = this.#work.get(runId);
    if (status === 'stopped') work?.stop.abort();
    if (status === 'paused') work?.pause.pause();
    if (status === 'running') work?.pause.resume();
  }

  #start(run: QueuedRun): void {
    const work: Work = { stop: new AbortController(), pause: new PauseSwitch(), done: Promise.resolve() };
    if (run.status === 'paused') work.pause.pause();
    this.#work.set(run.runId, work);
    work.done = this.#carryOut(run, work).finally(() => {
      this.#work.delete(run.runId);
    });
    // Whatever ends makes room at once.
    work.done.then(
      () => {
        this.#wake();
      },
      () => {
        this.#broken ??= work.done;
        this.#wake();
      },
    );
  }

  #wait(): Promise<void> {
    const { signal } = this.#ended;
    return new Promise<void>((resolve) => {
      const end = (): void => {
        cancel();
        signal.removeEventListener('abort', end);
        resolve();
      };
      const cancel = this.#options.clock.schedule(POLL_MS, end);
      this.#wake = end;
      signal.addEventListener('abort', end, { once: true });
      if (signal.aborted) end();
    });
  }

  /** Rejects when the database fails, or the disk. */
  async #carryOut(run: QueuedRun, work: Work): Promise<void> {
    const { runs, report } = this.#options;
    const { runId } = run;
    const gateway = this.#shares.share(sitesOf(run));
    try {
      const result = await this.#execute(run, work, gateway);
      if (this.#ended.signal.aborted || !result) return;
      switch (result.end.kind) {
        case 'finished':
          await runs.setStatus(runId, 'finished');
          report({ kind: 'runFinished', runId });
          break;
        case 'stopped':
          await runs.setStatus(runId, 'stopped');
          report({ kind: 'runStopped', runId });
          break;
        case 'failed':
          await this.#fail(runId, { stored: result.end.reason, logged: result.end.reason });
          break;
      }
      await this.#checkpoints.remove(runId);
      await this.#journalOf(runId).removeFiles();
    } catch (error) {
      // The run is as it was, and goes on once the disk takes more.
      if (isDiskFault(error)) throw error;
      if (!this.#ended.signal.aborted) {
        await this.#fail(runId, { stored: failureText(error), logged: messageOf(error) });
        // Nobody goes on with it.
        await this.#journalOf(runId).removeFiles();
      }
    } finally {
      gateway.close();
    }
  }

  /** `stored` is read by everybody who may log in; `logged` by whoever runs the machine. */
  async #fail(runId: RunId, { stored, logged }: { stored: string; logged: string }): Promise<void> {
    await this.#options.runs.setStatus(runId, 'failed', stored);
    this.#options.report({ kind: 'runFailed', runId, reason: logged });
  }

  /** Undefined when somebody stopped it before it began, or it has ended since the queue was read. */
  async #execute(run: QueuedRun, work: Work, gateway: SiteGateway): Promise<RunResult | undefined> {
    const { runId, planHash, status } = run;
    const { runs, report } = this.#options;
    if (status !== 'queued' && !(await this.#isOpen(runId))) return undefined;
    const { plan } = await runs.plan(planHash);
    const journal = this.#journalOf(runId);
    const network = await planNetwork(plan, this.#models);
    const begun = await this.#beginningOf(run, plan, network);
    const { from, unfinished } = await this.#leftOf(run, journal, begun, plan.federation);
    for (const [position, record] of (from?.records ?? []).entries())
      await this.#administration.endAttempt(runId, position, record);
    if (status === 'queued' && !(await runs.changeStatus(runId, ['queued'], 'running'))) return undefined;
    report({ kind: status === 'queued' ? 'runStarted' : 'runResumed', runId });
    const evaluator = await this.#options.openEvaluator(plan, network.whole);
    try {
      return await executeRun({
        ...{ runId, plan, journal, ...begun },
        ...this.#services(runId, { plan, manifest: begun.manifest }),
        gateway,
        evaluate: async (weights, classCounts) => {
          const { evaluation, ...result } = await evaluator.evaluate(weights, classCounts);
          work.evaluation = evaluation;
          return result;
        },
        signal: work.stop.signal,
        leave: this.#ended.signal,
        ledgerHead: () => this.#administration.log.head(this.#options.database),
        pause: work.pause,
        ...(from && { from }),
        unfinished,
      });
    } finally {
      await evaluator.close();
    }
  }

  /**
   * Whether a run that was going on still is: a list that a database server began to answer before the run's end was
   * written may arrive after it.
   */
  async #isOpen(runId: RunId): Promise<boolean> {
    const status = (await this.#options.runs.run(runId))?.status;
    return status === 'running' || status === 'paused';
  }

  /** What a run of the plan begins with. */
  async #beginningOf(run: QueuedRun, plan: Plan, network: PlanNetwork): Promise<Beginning> {
    const { start: manifest, thawed } = layoutOfRun(network);
    const roster = await this.#options.roster();
    return {
      manifest,
      ...(thawed && { thawed }),
      initialWeights: initialWeights(network.whole, plan.seed),
      // All sites: theirs is the roster that each of them has accepted.
      roster,
      siteCount: run.sites?.length ?? roster.size,
    };
  }

  #services(runId: RunId, model: PlannedModel): Pick<RunOptions, 'identity' | 'boxKeys' | 'clock' | 'hooks'> {
    const { folder, clock, report } = this.#options;
    return {
      identity: folder.identity,
      boxKeys: folder.boxKeys,
      clock,
      hooks: {
        paused: () => {
          report({ kind: 'runPaused', runId });
        },
        report: ({ round, attempt }, roundReport) => {
          report({ kind: 'round', runId, round, attempt, report: roundReport });
        },
        attempt: async (record, position) => {
          await this.#keep(runId, model, record, position);
          report({ kind: 'attempt', runId, record });
        },
      },
    };
  }

  #journalOf(runId: RunId): RunJournal {
    return new RunJournal(this.#options.database, runId, this.#options.folder.runs);
  }

  /** Where an earlier execution was left, with the attempt that it was in: lost, or to be gone on with. */
  async #leftOf(
    { runId, status, sites }: QueuedRun,
    journal: RunJournal,
    { manifest, thawed, initialWeights: weights, roster, siteCount = roster.size }: Beginning,
    { strategy, rounds }: Plan['federation'],
  ): Promise<{ from?: RunPosition; unfinished: UnfinishedWork }> {
    const saved = await this.#checkpoints.load(runId);
    const kept = { isWhole: await journal.isWhole(), entries: await journal.entries() };
    const wereThere = status === 'queued' ? [] : (sites ?? [...roster.keys()]);
    const { lost, ...rest } = recover(kept, saved?.records ?? [], wereThere);
    const unfinished = { ...rest, events: () => journal.events() };
    if (!lost) return { ...(saved && { from: saved }), unfinished };
    if (saved) return { from: { ...saved, records: [...saved.records, lost] }, unfinished };
    const layout = { start: manifest, ...(thawed && { thawed }) };
    const rules = { strategy, rounds, manifest, siteCount };
    const state = initServer(rules, weights, memoryManifest(layout).length);
    return { from: { records: [lost], state, best: undefined }, unfinished };
  }

  /** Model first, then the place in the run: whoever reads that a round was published finds its model. */
  async #keep(
    runId: RunId,
    { plan, manifest }: PlannedModel,
    record: AttemptRecord,
    position: RunPosition,
  ): Promise<void> {
    if (record.outcome === 'published') {
      const prior = { counts: classCountsIn(position.records), tau: plan.training.logitAdjustmentTau };
      // As it is used, which is what the validation has judged.
      const used = foldFederatedPrior(position.state.weights, manifest, prior);
      const modelHash = await this.#models.put(encodeModel(used));
      const score = record.validation.score ?? null;
      await this.#options.runs.publish(runId, { round: record.round, modelHash, score });
      const evaluation = this.#work.get(runId)?.evaluation;
      const best = position.best?.round ?? record.round;
      if (evaluation)
        await this.#options.history.keepEvaluation(runId, { round: record.round, best, evaluation });
    }
    await this.#checkpoints.save(runId, position);
    // After the place in the run, from which it is made again when the program ends in between.
    await this.#administration.endAttempt(runId, position.records.length - 1, record);
    await this.#journalOf(runId).removeFiles();
  }
}
