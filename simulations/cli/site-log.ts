/** The site agent's log for people: one line an event. */
import { isCountsRound } from '../../shared/protocol/class-counts.ts';
import type { SiteReport } from '../../client/agent/site.ts';

export function describeSiteReport(report: SiteReport): string | undefined {
  if (report.kind === 'link') {
    const { status } = report;
    if (status.kind === 'connected') return 'connected to the coordinator';
    return `${status.reason}; trying again in ${(status.delayMs / 1000).toFixed(1)} s`;
  }
  if (report.kind === 'closed') return `no part in any round: ${report.problem}`;
  const { report: session } = report;
  const place = `run ${session.context.runId}, ${isCountsRound(session.context) ? 'class counts' : `round ${String(session.context.round)}`}`;
  switch (session.kind) {
    case 'refused':
      return `${place}: refused: ${session.reason}`;
    case 'ignored':
      return `${place}: ignored: ${session.reason}`;
    case 'trainingFailed':
      return `${place}: training failed: ${session.message}`;
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
