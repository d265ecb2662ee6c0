/** The agent as its page sees it: what it does now, and how it is ended. */
import type { Clock } from '../../shared/clock.ts';
import { afterReport, NOT_BEGUN, type SiteNow } from '../agent/site-monitor.ts';
import type { SiteReport } from '../agent/site.ts';
import { lockOf } from '../agent/site.ts';
import { stopAgent } from '../agent/stop.ts';
import { isHeld } from '../lock-file.ts';
import type { BenefitRequest } from '../training/benefit.ts';
import type { TrainingRequest } from '../training/local-update.ts';
import type { AgentStatus, StopWhen } from './views.ts';

export interface PageAgent {
  status(): Promise<AgentStatus>;
  /** Undefined where the agent is not in this process. */
  now(): SiteNow | undefined;
  stopping(): StopWhen | undefined;
  /** What the agent was asked to train last, with the federation's model of that round. */
  lastRequest(): BenefitRequest | undefined;
  /** Noted at once; the agent ends by itself. */
  stop(when: StopWhen): void;
  /** Called after every change; returns how to end that. */
  onChange(listener: () => void): () => void;
}

/** The agent of this process: whoever runs it hands its reports on, and ends it when `stopRequested` resolves. */
export class AgentHere implements PageAgent {
  readonly stopRequested: Promise<void>;
  readonly #clock: Pick<Clock, 'nowMs'>;
  readonly #listeners = new Set<() => void>();
  #now: SiteNow = NOT_BEGUN;
  #stopping: StopWhen | undefined;
  #lastRequest: BenefitRequest | undefined;
  #requestStop: () => void = () => undefined;

  constructor(clock: Pick<Clock, 'nowMs'>) {
    this.#clock = clock;
    this.stopRequested = new Promise((resolve) => {
      this.#requestStop = resolve;
    });
  }

  hear(report: SiteReport): void {
    if (report.kind === 'training' && report.report.kind === 'begun')
      this.#lastRequest = requestOf(report.report.request);
    this.#now = afterReport(this.#now, report, this.#clock.nowMs());
    this.#endWhenDue();
    this.#tell();
  }

  status(): Promise<AgentStatus> {
    return Promise.resolve(this.#stopping === undefined ? 'running' : 'stopping');
  }

  now(): SiteNow {
    return this.#now;
  }

  stopping(): StopWhen | undefined {
    return this.#stopping;
  }

  lastRequest(): BenefitRequest | undefined {
    return this.#lastRequest;
  }

  stop(when: StopWhen): void {
    // Whoever has asked for the end of the round may still ask for more.
    if (this.#stopping !== 'at-once') this.#stopping = when;
    this.#tell();
    this.#endWhenDue();
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #endWhenDue(): void {
    if (this.#stopping === 'at-once' || (this.#stopping === 'after-round' && this.#now.round === null))
      this.#requestStop();
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}

/** Without what belongs to that training alone. */
function requestOf(request: TrainingRequest): BenefitRequest {
  const { plan, context, siteId, weights, serverControl, classCounts, state } = request;
  return { plan, context, siteId, weights, serverControl, classCounts, state };
}

/** A site's command waits as long for an agent to end. */
const STOP_PATIENCE_MS = 60_000;

/** The agent of another process, or none: the page serves to look and to decide. */
export class AgentElsewhere implements PageAgent {
  readonly #lock: string;
  #stopping: StopWhen | undefined;

  constructor(siteFolder: string) {
    this.#lock = lockOf({ path: siteFolder });
  }

  async status(): Promise<AgentStatus> {
    if (!(await isHeld(this.#lock))) return 'not-running';
    return this.#stopping === undefined ? 'elsewhere' : 'stopping';
  }

  now(): SiteNow | undefined {
    return undefined;
  }

  stopping(): StopWhen | undefined {
    return this.#stopping;
  }

  lastRequest(): BenefitRequest | undefined {
    return undefined;
  }

  stop(): void {
    this.#stopping = 'at-once';
    void stopAgent(this.#lock, STOP_PATIENCE_MS)
      .catch(() => undefined)
      .finally(() => {
        this.#stopping = undefined;
      });
  }

  onChange(): () => void {
    return () => undefined;
  }
}
