/**
 * The site agent's log: a line an event, for people and as JSON. Of every report a list of fields is written and nothing
 * else: the message of an error may name a file of images, and so a patient.
 */
import { isCountsRound } from '../../shared/protocol/class-counts.ts';
import type { SiteReport } from '../../client/agent/site.ts';

export function describeSiteReport(report: SiteReport): string | undefined {
  if (report.kind === 'link') {
    const { status } = report;
    if (status.kind === 'connected') return 'connected to the coordinator';
    return `${status.reason}; trying again in ${(status.delayMs / 1000).toFixed(1)} s`;
  }
  if (report.kind === 'closed') return `no part in any round: ${report.problem}`;
  if (report.kind === 'training') return undefined;
  const { report: session } = report;
  const place = `run ${session.context.runId}, ${isCountsRound(session.context) ? 'class counts' : `round ${String(session.context.round)}`}`;
  switch (session.kind) {
    case 'refused':
      return `${place}: refused: ${session.reason}`;
    case 'ignored':
      return `${place}: ignored: ${session.reason}`;
    case 'trainingFailed':
      return `${place}: training failed (${session.code}); consilium site doctor tells more`;
    case 'acknowledged':
      return session.result.status === 'accepted'
        ? undefined
        : `${place}: the coordinator says: ${session.result.status}`;
    case 'closed':
      return `${place}: over`;
    case 'joined':
      return `${place}: takes part`;
    case 'trainingStarted':
      return `${place}: training`;
    case 'countingStarted':
      return `${place}: counting the images of each class`;
  }
}

type Fields = Readonly<Record<string, string | number | undefined>>;

/** For the log as JSON lines; undefined for what is no event. */
export function siteLogFields(report: SiteReport): Fields | undefined {
  switch (report.kind) {
    case 'link': {
      const { status } = report;
      if (status.kind === 'connected') return { kind: 'link', event: status.kind };
      return { kind: 'link', event: status.kind, reason: status.reason, delayMs: status.delayMs };
    }
    case 'closed':
      return { kind: 'closed', problem: report.problem };
    case 'training':
      return undefined;
    case 'session':
      return sessionFields(report.report);
  }
}

function sessionFields(report: Extract<SiteReport, { kind: 'session' }>['report']): Fields {
  const { runId, round, attempt } = report.context;
  const place = { kind: 'session', event: report.kind, runId, round, attempt };
  switch (report.kind) {
    case 'refused':
    case 'ignored':
      return { ...place, reason: report.reason };
    case 'trainingFailed':
      return { ...place, code: report.code };
    case 'acknowledged':
      return { ...place, status: report.result.status };
    case 'closed':
    case 'joined':
    case 'trainingStarted':
    case 'countingStarted':
      return place;
  }
}
