/** The coordinator's log for people: one line an event, without anything about a patient or a secret. */
import type { CoordinatorReport } from '../../coordinator/server.ts';

/** Undefined for what is not worth a line. */
export function describeReport(report: CoordinatorReport): string | undefined {
  switch (report.kind) {
    case 'error':
      return `error: ${report.message}`;
    case 'gateway':
      return describeConnection(report.report);
    case 'runStarted':
      return `run ${report.runId}: started`;
    case 'runResumed':
      return `run ${report.runId}: goes on`;
    case 'runPaused':
      return `run ${report.runId}: paused`;
    case 'runStopped':
      return `run ${report.runId}: stopped`;
    case 'runFinished':
      return `run ${report.runId}: finished`;
    case 'runFailed':
      return `run ${report.runId}: failed: ${report.reason}`;
    case 'attempt':
      return describeAttempt(report);
    case 'round':
      return describeRound(report);
  }
}

type ReportOf<K extends CoordinatorReport['kind']> = Extract<CoordinatorReport, { kind: K }>;

function describeConnection(report: ReportOf<'gateway'>['report']): string {
  switch (report.kind) {
    case 'refused':
      return `a connection from ${report.address} was refused: ${report.reason}`;
    case 'closed':
      return `site ${report.siteId}: connection closed: ${report.reason}`;
    case 'connected':
    case 'lost':
      return `site ${report.siteId}: ${report.kind}`;
  }
}

function describeAttempt({ runId, record }: ReportOf<'attempt'>): string {
  const place = `run ${runId}, round ${String(record.round)}`;
  if (record.outcome === 'aborted')
    return `${place}: attempt ${String(record.attempt)} aborted: ${record.reason}`;
  const { score } = record.validation;
  const judged = score === undefined ? '' : `, validation AUC ${score.toFixed(3)}`;
  return `${place}: published from ${String(record.survivors.length)} sites${judged}`;
}

function describeRound({ runId, round, report }: ReportOf<'round'>): string | undefined {
  const place = `run ${runId}, round ${String(round)}`;
  switch (report.kind) {
    case 'phaseEntered':
      return `${place}: ${report.phase} (${String(report.cohortSize)} sites)`;
    case 'siteDropped':
      return `${place}: site ${report.siteId} dropped: ${report.reason}`;
    case 'extended':
      return `${place}: waiting longer for ${report.sites.join(', ')}`;
    case 'updateAccepted':
    case 'culprit':
    case 'aborted':
      return undefined;
  }
}
