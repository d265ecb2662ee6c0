/**
 * The queue of runs: one after the other, in the order in which they were added. Wishes (stop, pause, a new run) are
 * read from the database, so that they may come from another process. A run that was going on when the program ended
 * goes on after its last published round.
 */
import type { Clock } from '../../shared/clock.ts';
import { ConsiliumError, messageOf } from '../../shared/errors.ts';
import type { RunId, SiteId } from '../../shared/ids.ts';
import { buildModel } from '../../shared/learning/architectures/architecture.ts';
import { initialWeights, manifestOf } from '../../shared/learning/weights.ts';
import { encodeModel } from '../../shared/protocol/model-payload.ts';
import type { Plan } from '../../shared/protocol/plan.ts';
import type { SiteGateway } from '../../shared/protocol/transport.ts';
import { initServer } from '../aggregation/server.ts';
import type { Evaluator } from '../evaluation/evaluator.ts';
import type { CoordinatorFolder } from '../config.ts';
import type { RoundReport } from '../round/events.ts';
import { CheckpointStore } from '../storage/checkpoint.ts';
import type { Database } from '../storage/database.ts';
import { RunJournal } from '../storage/journal-store.ts';
import { ModelStore } from '../storage/model-store.ts';
import type { QueuedRun, RunStore } from '../storage/run-store.ts';
import { PauseSwitch } from './pause.ts';
import type { AttemptRecord } from './progress.ts';
import { lostAttempt } from './recovery.ts';
import { executeRun, type RunOptions, type RunPosition, type RunResult } from './run.ts';

export type QueueReport =
  | {
      readonly kind: 'runStarted' | 'runResumed' | 'runPaused' | 'runStopped' | 'runFinished';
      readonly runId: RunId;
    }
  | { readonly kind: 'runFailed'; readonly runId: RunId; readonly reason: string }
  | { readonly kind: 'attempt'; readonly runId: RunId; readonly record: AttemptRecord }
  | { readonly kind: 'round'; readonly runId: RunId; readonly round: number; readonly report: RoundReport };

export interface QueueOptions {
  readonly folder: CoordinatorFolder;
  readonly database: Database;
  readonly runs: RunStore;
  readonly gateway: SiteGateway;
  readonly clock: Clock;
  /** The sites that may take part now. */
  readonly roster: () => Promise<ReadonlyMap<SiteId, Uint8Array>>;
  readonly openEvaluator: (plan: Plan) => Promise<Evaluator>;
  readonly report: (report: QueueReport) => void;
}

type Beginning = Pick<RunOptions, 'manifest' | 'initialWeights' | 'roster'>;

/** How often the database is asked for new wishes. */
const POLL_MS = 500;

export class RunQueue {
  readonly #options: QueueOptions;
  readonly #models: ModelStore;
  readonly #checkpoints: CheckpointStore;
  readonly #ended = new AbortController();
  #current:
    { readonly runId: RunId; readonly stop: AbortController; readonly pause: PauseSwitch } | undefined;
  #working: Promise<void> = Promise.resolve();

  constructor(options: QueueOptions) {
    this.#options = options;
    this.#models = new ModelStore(options.folder.models);
    this.#checkpoints = new CheckpointStore(options.folder.runs);
  }

  /** Begins to look for runs. Rejects when the database fails. */
  async serve(): Promise<void> {
    const watching = this.#watch();
    while (!this.#ended.signal.aborted) {
      const next = (await this.#options.runs.runs()).find(({ status }) =>
        ['queued', 'running', 'paused'].includes(status),
      );
      if (next) {
        this.#working = this.#carryOut(next);
        await this.#working;
      } else await this.#wait();
    }
    await watching;
  }

  /** The run in progress is left where it is; it goes on when the program starts again. */
  async close(): Promise<void> {
    this.#ended.abort();
    this.#current?.stop.abort();
    this.#current?.pause.resume();
    await this.#working;
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
      signal.addEventListener('abort', end, { once: true });
      if (signal.aborted) end();
    });
  }

  /** Carries wishes about the run in progress to it. */
  async #watch(): Promise<void> {
    while (!this.#ended.signal.aborted) {
      await this.#wait();
      const current = this.#current;
      if (!current) continue;
      const status = (await this.#options.runs.runs()).find(({ runId }) => runId === current.runId)?.status;
      if (status === 'stopped') current.stop.abort();
      if (status === 'paused') current.pause.pause();
      if (status === 'running') current.pause.resume();
    }
  }

  async #carryOut(run: QueuedRun): Promise<void> {
    const { runs, report } = this.#options;
    const { runId } = run;
    try {
      const result = await this.#execute(run);
      if (this.#ended.signal.aborted) return;
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
          await this.#fail(runId, result.end.reason);
          break;
      }
      await this.#checkpoints.remove(runId);
    } catch (error) {
      // What the run itself is to blame for ends the run; the queue goes on with the next.
      if (!(error instanceof ConsiliumError)) throw error;
      await this.#fail(runId, messageOf(error));
    } finally {
      this.#current = undefined;
    }
  }

  async #fail(runId: RunId, reason: string): Promise<void> {
    await this.#options.runs.setStatus(runId, 'failed', reason);
    this.#options.report({ kind: 'runFailed', runId, reason });
  }

  async #execute({ runId, planHash, status }: QueuedRun): Promise<RunResult> {
    const { database, runs, report } = this.#options;
    const { plan } = await runs.plan(planHash);
    const journal = new RunJournal(database, runId);
    const begun = await this.#beginningOf(plan);
    const from = await this.#positionOf(runId, journal, begun, plan.federation);
    if (status === 'queued') await runs.setStatus(runId, 'running');
    report({ kind: status === 'queued' ? 'runStarted' : 'runResumed', runId });
    const current = { runId, stop: new AbortController(), pause: new PauseSwitch() };
    if (status === 'paused') current.pause.pause();
    this.#current = current;
    const evaluator = await this.#options.openEvaluator(plan);
    try {
      return await executeRun({
        ...{ runId, plan, journal, ...begun },
        ...this.#services(runId),
        evaluate: (weights) => evaluator.evaluate(weights),
        signal: current.stop.signal,
        pause: current.pause,
        ...(from && { from }),
      });
    } finally {
      await evaluator.close();
    }
  }

  /** What a run of the plan begins with. */
  async #beginningOf(plan: Plan): Promise<Beginning> {
    const network = buildModel(plan.architecture, plan.task.imageDims, plan.task.classNames.length);
    return {
      manifest: manifestOf(network),
      initialWeights: initialWeights(network, plan.seed),
      roster: await this.#options.roster(),
    };
  }

  #services(runId: RunId): Pick<RunOptions, 'identity' | 'boxKeys' | 'gateway' | 'clock' | 'hooks'> {
    const { folder, gateway, clock, report } = this.#options;
    return {
      identity: folder.identity,
      boxKeys: folder.boxKeys,
      gateway,
      clock,
      hooks: {
        paused: () => {
          report({ kind: 'runPaused', runId });
        },
        report: ({ round }, roundReport) => {
          report({ kind: 'round', runId, round, report: roundReport });
        },
        attempt: async (record, position) => {
          await this.#keep(runId, record, position);
          report({ kind: 'attempt', runId, record });
        },
      },
    };
  }

  /** Where an earlier execution was left, with the attempt that was lost with it. */
  async #positionOf(
    runId: RunId,
    journal: RunJournal,
    { manifest, initialWeights: weights, roster }: Beginning,
    { strategy, rounds }: Plan['federation'],
  ): Promise<RunPosition | undefined> {
    const saved = await this.#checkpoints.load(runId);
    const lost = lostAttempt(await journal.entries(), saved?.records ?? []);
    if (!lost) return saved;
    if (saved) return { ...saved, records: [...saved.records, lost] };
    const state = initServer({ strategy, rounds, manifest, siteCount: roster.size }, weights);
    return { records: [lost], state, best: undefined };
  }

  /** Model first, then the place in the run: whoever reads that a round was published finds its model. */
  async #keep(runId: RunId, record: AttemptRecord, position: RunPosition): Promise<void> {
    if (this.#ended.signal.aborted) return;
    if (record.outcome === 'published') {
      const modelHash = await this.#models.put(encodeModel(position.state.weights));
      const score = record.validation.score ?? null;
      await this.#options.runs.publish(runId, { round: record.round, modelHash, score });
    }
    await this.#checkpoints.save(runId, position);
  }
}
