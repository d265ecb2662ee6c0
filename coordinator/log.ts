/**
 * The coordinator's log as JSON lines. Of every report a list of fields is written and nothing else, so that no weight,
 * secret or patient can come in with a field that is added later.
 */
import { pino, type DestinationStream, type Logger } from 'pino';
import type { Clock } from '../shared/clock.ts';
import type { CoordinatorReport } from './reports.ts';

type Fields = Readonly<Record<string, string | number | undefined>>;

/** @param destination default: standard output */
export function createLogger(clock: Pick<Clock, 'nowMs'>, destination?: DestinationStream): Logger {
  const options = {
    base: null,
    timestamp: () => `,"time":"${new Date(clock.nowMs()).toISOString()}"`,
    formatters: { level: (level: string) => ({ level }) },
  };
  return destination ? pino(options, destination) : pino(options);
}

export function logReport(logger: Logger, report: CoordinatorReport): void {
  const fields = { kind: report.kind, ...fieldsOf(report) };
  switch (levelOf(report)) {
    case 'error':
      logger.error(fields);
      break;
    case 'warn':
      logger.warn(fields);
      break;
    case 'info':
      logger.info(fields);
      break;
    case 'debug':
      logger.debug(fields);
      break;
  }
}

function levelOf(report: CoordinatorReport): 'error' | 'warn' | 'info' | 'debug' {
  switch (report.kind) {
    case 'error':
    case 'runFailed':
      return 'error';
    case 'login':
      return report.outcome === 'open' ? 'info' : 'warn';
    case 'gateway':
      return report.report.kind === 'refused' || report.report.kind === 'closed' ? 'warn' : 'info';
    case 'attempt':
      return report.record.outcome === 'aborted' ? 'warn' : 'info';
    case 'request':
      return report.status >= 500 ? 'error' : 'info';
    case 'round':
    case 'runStarted':
    case 'runResumed':
    case 'runPaused':
    case 'runStopped':
    case 'runFinished':
      return 'info';
  }
}

function fieldsOf(report: CoordinatorReport): Fields {
  switch (report.kind) {
    case 'request': {
      const { requestId, method, route, status, ms, address, user } = report;
      return { requestId, method, route, status, ms, address, user };
    }
    case 'login':
      return { outcome: report.outcome, address: report.address, user: report.user };
    case 'gateway':
      return connectionFields(report.report);
    case 'error':
      return { message: report.message };
    case 'runFailed':
      return { runId: report.runId, reason: report.reason };
    case 'runStarted':
    case 'runResumed':
    case 'runPaused':
    case 'runStopped':
    case 'runFinished':
      return { runId: report.runId };
    case 'attempt':
      return attemptFields(report);
    case 'round':
      return roundFields(report);
  }
}

type ReportOf<K extends CoordinatorReport['kind']> = Extract<CoordinatorReport, { kind: K }>;

function connectionFields(report: ReportOf<'gateway'>['report']): Fields {
  switch (report.kind) {
    case 'refused':
      return { event: 'refused', reason: report.reason, address: report.address };
    case 'closed':
      return { event: 'closed', siteId: report.siteId, reason: report.reason };
    case 'connected':
    case 'lost':
      return { event: report.kind, siteId: report.siteId };
  }
}

function attemptFields({ runId, record }: ReportOf<'attempt'>): Fields {
  const { round, attempt, outcome } = record;
  const place = { runId, round, attempt, outcome };
  if (record.outcome === 'aborted') return { ...place, reason: record.reason };
  const survivors = record.survivors.length;
  if (record.outcome === 'counted') return { ...place, survivors };
  return { ...place, survivors, score: record.validation.score };
}

function roundFields({ runId, round, report }: ReportOf<'round'>): Fields {
  const place = { runId, round, event: report.kind };
  if (report.kind === 'siteDropped') return { ...place, siteId: report.siteId, reason: report.reason };
  if (report.kind === 'phaseEntered') return { ...place, phase: report.phase, cohortSize: report.cohortSize };
  return place;
}
