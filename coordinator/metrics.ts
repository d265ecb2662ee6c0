/** Counters of a coordinator for Prometheus, made from its reports. No name of a site, a user or a run is a label. */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { CoordinatorReport } from './reports.ts';

/** What is counted when somebody looks. */
export interface CoordinatorGauges {
  connectedSites(): number;
  /** Of each status. */
  runs(): Promise<ReadonlyMap<string, number>>;
}

export class CoordinatorMetrics {
  readonly #registry = new Registry();
  readonly #requests = this.#counter('http_requests', 'Answered requests', ['route', 'method', 'status']);
  readonly #seconds = new Histogram({
    name: 'consilium_http_request_seconds',
    help: 'Time from a request to the end of its answer',
    labelNames: ['route'],
    buckets: [0.005, 0.02, 0.1, 0.5, 2, 10, 60],
    registers: [this.#registry],
  });
  readonly #limited = this.#counter('http_rate_limited', 'Requests refused because there were too many', []);
  readonly #oversized = this.#counter('http_oversized', 'Requests refused because they were too large', []);
  readonly #logins = this.#counter('logins', 'Logins by outcome', ['outcome']);
  readonly #handshakes = this.#counter('handshakes_refused', 'Connections of sites refused', ['reason']);
  readonly #closed = this.#counter('connections_closed', 'Connections of sites closed by us', ['reason']);
  readonly #connections = this.#counter('connections', 'Connections of sites that came or went', ['change']);
  readonly #attempts = this.#counter('attempts', 'Ended attempts at rounds', ['outcome', 'reason']);
  readonly #drops = this.#counter('site_drops', 'Sites dropped from a round', ['reason']);
  readonly #runs = this.#counter('runs', 'Changes of runs', ['change']);
  readonly #errors = this.#counter('errors', 'What went wrong inside', []);

  constructor(gauges: CoordinatorGauges) {
    collectDefaultMetrics({ register: this.#registry, prefix: 'consilium_' });
    const registers = [this.#registry];
    new Gauge({
      name: 'consilium_sites_connected',
      help: 'Sites that are connected',
      registers,
      collect() {
        this.set(gauges.connectedSites());
      },
    });
    new Gauge({
      name: 'consilium_runs_present',
      help: 'Runs of each status',
      labelNames: ['status'],
      registers,
      async collect() {
        for (const [status, count] of await gauges.runs()) this.set({ status }, count);
      },
    });
  }

  get mediaType(): string {
    return this.#registry.contentType;
  }

  /** In Prometheus' text format. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  observe(report: CoordinatorReport): void {
    switch (report.kind) {
      case 'request':
        this.#request(report);
        break;
      case 'login':
        this.#logins.inc({ outcome: report.outcome });
        break;
      case 'gateway':
        this.#gateway(report.report);
        break;
      case 'attempt':
        this.#attempt(report.record);
        break;
      case 'round':
        if (report.report.kind === 'siteDropped') this.#drops.inc({ reason: report.report.reason });
        break;
      case 'error':
        this.#errors.inc();
        break;
      case 'runStarted':
      case 'runResumed':
      case 'runPaused':
      case 'runStopped':
      case 'runFinished':
      case 'runFailed':
        this.#runs.inc({ change: report.kind });
        break;
    }
  }

  #request({ route, method, status, ms }: Extract<CoordinatorReport, { kind: 'request' }>): void {
    this.#requests.inc({ route, method, status: String(status) });
    this.#seconds.observe({ route }, ms / 1000);
    if (status === 429) this.#limited.inc();
    if (status === 413) this.#oversized.inc();
  }

  #gateway(report: Extract<CoordinatorReport, { kind: 'gateway' }>['report']): void {
    switch (report.kind) {
      case 'refused':
        this.#handshakes.inc({ reason: report.reason });
        break;
      case 'closed':
        this.#closed.inc({ reason: report.reason });
        break;
      case 'connected':
      case 'lost':
        this.#connections.inc({ change: report.kind });
        break;
    }
  }

  #attempt(record: Extract<CoordinatorReport, { kind: 'attempt' }>['record']): void {
    const reason = record.outcome === 'aborted' ? record.reason : '';
    this.#attempts.inc({ outcome: record.outcome, reason });
  }

  #counter(name: string, help: string, labelNames: string[]): Counter {
    return new Counter({ name: `consilium_${name}_total`, help, labelNames, registers: [this.#registry] });
  }
}
