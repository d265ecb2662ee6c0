/** The coordinator's log for people: one line an event, without anything about a patient or a secret. */
import type { RunId } from '../../shared/ids.ts';
import { isCountsRound } from '../../shared/protocol/class-counts.ts';
import type { CoordinatorReport } from '../../coordinator/reports.ts';

/** Undefined for what is not worth a line. */
export function describeReport(report: CoordinatorReport): string | undefined {
  switch (report.kind) {
    case 'error':
      return `error: ${report.message}`;
    case 'request':
      // The log as JSON lines has them all.
      return report.status >= 500
        ? `a request to ${report.route} failed: ${String(report.status)}`
        : undefined;
    case 'login':
      return describeLogin(report);
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

function describeLogin({ outcome, address, user }: ReportOf<'login'>): string {
  const who = user ?? 'somebody unknown';
  return outcome === 'open' ? `${who} logged in` : `${who} at ${address} was not let in: ${outcome}`;
}

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

const placeOf = (runId: RunId, round: number): string =>
  `run ${runId}, ${isCountsRound({ round }) ? 'class counts' : `round ${String(round)}`}`;

function describeAttempt({ runId, record }: ReportOf<'attempt'>): string {
  const place = placeOf(runId, record.round);
  if (record.outcome === 'aborted')
    return `${place}: attempt ${String(record.attempt)} aborted: ${record.reason}`;
  if (record.outcome === 'counted') {
    const counts = record.classCounts.map(String).join(', ');
    return `${place}: ${counts} images of the classes at ${String(record.survivors.length)} sites together`;
  }
  const { score } = record.validation;
  const judged = score === undefined ? '' : `, validation AUC ${score.toFixed(3)}`;
  return `${place}: published from ${String(record.survivors.length)} sites${judged}`;
}

function describeRound({ runId, round, report }: ReportOf<'round'>): string | undefined {
  const place = placeOf(runId, round);
  switch (report.kind) {
    case 'phaseEntered':
      return `${place}: ${report.phase} (${String(report.cohortSize)} sites)`;
    case 'siteDropped':
      return `${place}: site ${report.siteId} dropped: ${report.reason}`;
    case 'extended':
      return `${place}: waiting longer for ${report.sites.join(', ')}`;
    case 'counted':
    case 'updateAccepted':
    case 'culprit':
    case 'aborted':
      return undefined;
  }
}
