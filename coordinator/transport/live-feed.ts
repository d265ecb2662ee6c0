/**
 * What browsers are told, made of everything that changes: acts in the ledger (of whatever process), the queue's and the
 * gateway's reports, and the rounds. Changes are gathered for a moment, so that a page asks once for many of them.
 */
import type { Clock } from '../../shared/clock.ts';
import { runIdSchema, type RunId } from '../../shared/ids.ts';
import type { ListTopic, LiveEvent } from '../http/api/live-views.ts';
import type { Progress } from '../http/api/round-views.ts';
import type { CoordinatorReport } from '../reports.ts';
import type { RoundWatch } from '../run/round-watch.ts';
import type { AuditAct, AuditLog } from '../storage/audit-log.ts';
import { auditLength } from '../storage/audit-search.ts';
import type { Database } from '../storage/database.ts';
import type { LiveServer } from './live-server.ts';

export interface LiveFeedOptions {
  readonly live: Pick<LiveServer, 'tell' | 'checkSessions'>;
  readonly watch: Pick<RoundWatch, 'listen'>;
  readonly progressOf: (runId: RunId) => Progress | undefined;
  readonly log: Pick<AuditLog, 'entries'>;
  readonly database: Database;
  readonly clock: Clock;
  onError(error: unknown): void;
}

/** How long changes are gathered. */
const GATHER_MS = 200;
/** Between two pictures of one round. */
const PROGRESS_MS = 500;
/** How often the ledger is looked at for the acts of other processes, and sessions for their end. */
const LOOK_MS = 1000;
const MAX_ENTRIES = 1000;

const TOPICS: Readonly<Record<AuditAct, readonly ListTopic[]>> = {
  'site-invited': ['sites', 'alerts'],
  'invitation-withdrawn': ['sites', 'alerts'],
  'site-active': ['sites', 'plans', 'alerts'],
  'site-suspended': ['sites', 'plans', 'alerts'],
  'site-removed': ['sites', 'plans', 'alerts'],
  'plan-added': ['plans'],
  'plan-removed': ['plans'],
  'run-added': ['runs', 'plans', 'alerts'],
  'run-paused': ['runs', 'alerts'],
  'run-resumed': ['runs', 'alerts'],
  'run-stopped': ['runs', 'alerts'],
  'run-moved': ['runs'],
  'round-published': [],
  'round-counted': [],
  'round-aborted': [],
  'model-promoted': ['models'],
  'model-rolled-back': ['models'],
  'user-added': ['users'],
  'user-removed': ['users'],
  'user-role': ['users'],
  'user-password': ['users'],
  login: ['users'],
  logout: ['users'],
  'session-ended': ['users'],
};

const topicsOf = (act: string): readonly ListTopic[] =>
  Object.entries(TOPICS).find(([name]) => name === act)?.[1] ?? [];

export class LiveFeed {
  readonly #options: LiveFeedOptions;
  readonly #topics = new Set<ListTopic>();
  readonly #runs = new Set<RunId>();
  readonly #advanced = new Set<RunId>();
  readonly #stop: (() => void)[] = [];
  #cancelGathering: (() => void) | undefined;
  #cancelProgress: (() => void) | undefined;
  #cancelLook: () => void = () => undefined;
  /** Number of the last entry of the ledger that has been told of; undefined: none was looked at. */
  #told: number | undefined;
  #looking: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(options: LiveFeedOptions) {
    this.#options = options;
    this.#stop.push(
      options.watch.listen({
        advanced: (runId) => {
          if (this.#isClosed) return;
          this.#advanced.add(runId);
          this.#cancelProgress ??= this.#later(PROGRESS_MS, () => {
            this.#cancelProgress = undefined;
            this.#tellProgress();
          });
        },
        changed: (runId) => {
          this.#note([], runId);
        },
      }),
    );
    this.#lookAgain();
  }

  observe(report: CoordinatorReport): void {
    switch (report.kind) {
      case 'gateway':
        if (report.report.kind === 'connected' || report.report.kind === 'lost')
          this.#note(['sites', 'alerts']);
        break;
      case 'attempt':
        this.#note(['runs', 'models', 'alerts'], report.runId);
        break;
      case 'runStarted':
      case 'runResumed':
      case 'runPaused':
      case 'runStopped':
      case 'runFinished':
      case 'runFailed':
        this.#note(['runs', 'alerts'], report.runId);
        break;
      case 'login':
        this.#note(['users']);
        break;
      case 'round':
      case 'request':
      case 'error':
        break;
    }
  }

  /** Sites have asked to join, or said something of themselves. */
  sitesChanged(): void {
    this.#note(['sites', 'plans', 'alerts']);
  }

  /** Somebody of this process has changed something: what others did is looked for at once. */
  look(): Promise<void> {
    this.#looking = this.#looking
      .then(() => this.#lookNow())
      .catch((error: unknown) => {
        if (!this.#isClosed) this.#options.onError(error);
      });
    return this.#looking;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const stop of this.#stop) stop();
    this.#cancelLook();
    this.#cancelGathering?.();
    this.#cancelProgress?.();
    await this.#looking;
  }

  #lookAgain(): void {
    if (this.#isClosed) return;
    this.#cancelLook = this.#later(LOOK_MS, () => {
      void this.look().finally(() => {
        this.#lookAgain();
      });
    });
  }

  async #lookNow(): Promise<void> {
    if (this.#isClosed) return;
    const { live, log, database } = this.#options;
    // Sessions end by themselves as well.
    await live.checkSessions();
    const last = await auditLength(database);
    const before = this.#told ?? last;
    this.#told = last;
    if (last === before) return;
    const entries = await log.entries(database, before, MAX_ENTRIES);
    for (const { act, subject } of entries) {
      const run = act.startsWith('run-') ? runIdSchema.safeParse(subject).data : undefined;
      this.#note([...topicsOf(act), 'ledger'], run);
    }
  }

  #note(topics: readonly ListTopic[], runId?: RunId): void {
    if (this.#isClosed) return;
    for (const topic of topics) this.#topics.add(topic);
    if (runId !== undefined) this.#runs.add(runId);
    this.#cancelGathering ??= this.#later(GATHER_MS, () => {
      this.#cancelGathering = undefined;
      this.#tellGathered();
    });
  }

  #tellGathered(): void {
    const events: LiveEvent[] = [
      ...[...this.#topics].map((topic): LiveEvent => ({ topic })),
      ...[...this.#runs].map((runId): LiveEvent => ({ topic: 'run', runId })),
    ];
    this.#topics.clear();
    this.#runs.clear();
    for (const event of events) this.#options.live.tell(event);
  }

  #tellProgress(): void {
    for (const runId of this.#advanced) {
      const progress = this.#options.progressOf(runId);
      if (progress) this.#options.live.tell({ topic: 'progress', ...progress });
    }
    this.#advanced.clear();
  }

  #later(delayMs: number, act: () => void): () => void {
    return this.#options.clock.schedule(delayMs, act);
  }
}
