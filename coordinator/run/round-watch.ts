/**
 * What goes on in the runs now, for people: made from the queue's reports and from what crosses the gateway, and written
 * down when an attempt ends. A program that is killed loses the picture of the attempt that was being made, and nothing
 * else.
 */
import type { Clock } from '../../shared/clock.ts';
import type { RunId, SiteId } from '../../shared/ids.ts';
import type { Plan } from '../../shared/protocol/plan.ts';
import type { SiteGateway } from '../../shared/protocol/transport.ts';
import { rulesOf } from '../round/state.ts';
import type { RoundReport } from '../round/events.ts';
import type { RunHistory } from '../storage/run-history.ts';
import type { StoredRunEvent } from '../storage/stored-run-event.ts';
import { AttemptTracker, type Deadlines, type Snapshot } from './attempt-tracker.ts';
import type { AttemptRecord } from './progress.ts';
import type { QueueReport } from './queue.ts';
import { watchedGateway } from './watched-gateway.ts';

export interface RoundWatchOptions {
  readonly history: Pick<RunHistory, 'keepAttempt' | 'addEvent'>;
  readonly clock: Pick<Clock, 'nowMs'>;
  readonly planOf: (runId: RunId) => Promise<Plan | undefined>;
  onError(error: unknown): void;
}

export interface WatchListener {
  /** The attempt of the run advances. */
  advanced(runId: RunId): void;
  /** Something of the run has been written down. */
  changed(runId: RunId): void;
}

interface WatchedRun {
  deadlines: Deadlines | undefined;
  tracker: AttemptTracker | undefined;
  /** What is still to be written. */
  writing: Promise<void>;
}

export class RoundWatch {
  readonly #options: RoundWatchOptions;
  readonly #runs = new Map<RunId, WatchedRun>();
  /** The run that has announced to a site last. */
  readonly #runOf = new Map<SiteId, RunId>();
  readonly #listeners = new Set<WatchListener>();

  constructor(options: RoundWatchOptions) {
    this.#options = options;
  }

  listen(listener: WatchListener): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** The same gateway, watched. */
  watch(gateway: SiteGateway): SiteGateway {
    const at = (siteId: SiteId, act: (tracker: AttemptTracker) => void): void => {
      const runId = this.#runOf.get(siteId);
      const tracker = runId === undefined ? undefined : this.#runs.get(runId)?.tracker;
      if (runId === undefined || !tracker) return;
      act(tracker);
      this.#tell('advanced', runId);
    };
    const nowMs = (): number => this.#nowMs();
    return watchedGateway(gateway, {
      announced: (siteId, runId) => {
        this.#runOf.set(siteId, runId);
        at(siteId, (tracker) => {
          tracker.invite(siteId, nowMs());
        });
      },
      accepted: (siteId, runId, answer) => {
        // After a restart sites go on that this program has not announced to.
        this.#runOf.set(siteId, runId);
        at(siteId, (tracker) => {
          tracker.invite(siteId, nowMs());
          tracker.accept(siteId, answer, nowMs());
        });
      },
      stepsDone: (siteId, steps) => {
        at(siteId, (tracker) => {
          tracker.steps(siteId, steps);
        });
      },
      carried: (siteId, direction, bytes) => {
        at(siteId, (tracker) => {
          tracker.carried(siteId, direction, bytes);
        });
      },
    });
  }

  observe(report: QueueReport): void {
    switch (report.kind) {
      case 'runStarted':
        this.#note(report.runId, { kind: 'started' });
        break;
      case 'runResumed':
        this.#note(report.runId, { kind: 'resumed' });
        break;
      case 'runPaused':
        this.#note(report.runId, { kind: 'paused' });
        break;
      case 'runStopped':
        this.#end(report.runId, { kind: 'stopped' });
        break;
      case 'runFinished':
        this.#end(report.runId, { kind: 'finished' });
        break;
      case 'runFailed':
        this.#end(report.runId, { kind: 'failed' });
        break;
      case 'round':
        this.#round(report);
        break;
      case 'attempt':
        this.#attempt(report.runId, report.record);
        break;
    }
  }

  /** The attempt that is being made; undefined between two. */
  snapshot(runId: RunId): Snapshot | undefined {
    const run = this.#runs.get(runId);
    return run?.tracker?.snapshot(run.deadlines);
  }

  /** The run whose attempt the site takes part in now. */
  runOf(siteId: SiteId): RunId | undefined {
    const runId = this.#runOf.get(siteId);
    const site =
      runId === undefined ? undefined : this.snapshot(runId)?.sites.find((one) => one.siteId === siteId);
    return site && site.state !== 'dropped' ? runId : undefined;
  }

  /** Resolves when everything that was observed until now is written down. */
  async settled(): Promise<void> {
    await Promise.all([...this.#runs.values()].map(({ writing }) => writing));
  }

  #round({ runId, round, attempt, report }: Extract<QueueReport, { kind: 'round' }>): void {
    const run = this.#of(runId);
    if (run.tracker?.round !== round || run.tracker.attempt !== attempt)
      run.tracker = new AttemptTracker({ round, attempt }, this.#nowMs());
    const event = this.#follow(run.tracker, report);
    if (event) this.#note(runId, event);
    this.#tell('advanced', runId);
  }

  /** What of it is worth a line. */
  #follow(tracker: AttemptTracker, report: RoundReport): StoredRunEvent | undefined {
    const place = { round: tracker.round, attempt: tracker.attempt };
    const nowMs = this.#nowMs();
    switch (report.kind) {
      case 'phaseEntered': {
        const { phase, cohortSize } = report;
        tracker.enter(phase, cohortSize, nowMs);
        return phase === 'advertising' ? { kind: 'began', ...place, cohortSize } : undefined;
      }
      case 'siteDropped': {
        const { siteId, phase, reason } = report;
        tracker.drop(siteId, reason, nowMs);
        return { kind: 'dropped', ...place, siteId, phase, reason };
      }
      case 'culprit':
        return { kind: 'culprit', ...place, siteId: report.siteId, reason: report.reason };
      case 'extended':
        tracker.extend(report.delayMs, nowMs);
        return { kind: 'extended', ...place, sites: [...report.sites], delayMs: report.delayMs };
      // What an attempt came to is told with its record.
      case 'updateAccepted':
      case 'counted':
      case 'aborted':
        return undefined;
    }
  }

  #attempt(runId: RunId, record: AttemptRecord): void {
    const run = this.#of(runId);
    const { round, attempt } = record;
    const { tracker } = run;
    if (tracker?.round === round && tracker.attempt === attempt) {
      const track = tracker.end(record, this.#nowMs());
      run.tracker = undefined;
      this.#write(runId, () => this.#options.history.keepAttempt(runId, track));
    }
    this.#note(runId, eventOf(record));
  }

  #end(runId: RunId, event: StoredRunEvent): void {
    this.#of(runId).tracker = undefined;
    this.#note(runId, event);
  }

  #note(runId: RunId, event: StoredRunEvent): void {
    this.#write(runId, () => this.#options.history.addEvent(runId, event));
  }

  /** One after the other, so that events keep their order. */
  #write(runId: RunId, write: () => Promise<void>): void {
    const run = this.#of(runId);
    run.writing = run.writing
      .then(write)
      .catch((error: unknown) => {
        this.#options.onError(error);
      })
      .then(() => {
        this.#tell('changed', runId);
      });
  }

  #of(runId: RunId): WatchedRun {
    const known = this.#runs.get(runId);
    if (known) return known;
    const run: WatchedRun = { deadlines: undefined, tracker: undefined, writing: Promise.resolve() };
    this.#runs.set(runId, run);
    this.#options.planOf(runId).then(
      (plan) => {
        run.deadlines = plan && rulesOf(plan).deadlinesMs;
      },
      (error: unknown) => {
        this.#options.onError(error);
      },
    );
    return run;
  }

  #tell(what: keyof WatchListener, runId: RunId): void {
    for (const listener of this.#listeners) listener[what](runId);
  }

  #nowMs(): number {
    return Math.round(this.#options.clock.nowMs());
  }
}

function eventOf(record: AttemptRecord): StoredRunEvent {
  const place = { round: record.round, attempt: record.attempt };
  switch (record.outcome) {
    case 'aborted':
      return { kind: 'aborted', ...place, reason: record.reason };
    case 'counted':
      return { kind: 'counted', ...place, survivors: record.survivors.length };
    case 'published': {
      const { score } = record.validation;
      return { kind: 'published', ...place, survivors: record.survivors.length, score: score ?? null };
    }
  }
}
