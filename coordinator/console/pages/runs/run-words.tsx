/** The words of runs and rounds with their looks, and the phases that take time. */
import { Badge } from '../../../../shared/ui/panels.tsx';
import type { PhaseName, SiteState } from '../../../http/api/round-views.ts';
import type { RunStatus } from '../../../storage/tables.ts';
import { RUN_STATUS_WORDS, SITE_STATE_WORDS } from '../../words.ts';

export function statusBadge(status: RunStatus) {
  const { label, tone } = RUN_STATUS_WORDS[status];
  return <Badge tone={tone}>{label}</Badge>;
}

export function siteStateBadge(state: SiteState) {
  const { label, tone } = SITE_STATE_WORDS[state];
  return <Badge tone={tone}>{label}</Badge>;
}

/** In the order of a round. */
export const TIMED_PHASES = [
  'selecting',
  'advertising',
  'sharingKeys',
  'training',
  'consistency',
  'unmasking',
  'aggregating',
  'evaluating',
] as const satisfies readonly PhaseName[];

/** Round 0 counts the images of each class before training. */
export const roundName = (round: number): string => (round === 0 ? 'class counts' : `round ${String(round)}`);
