/** Which runs may begin: those whose sites no run before them in the queue has or waits for. */
import type { SiteId } from '../../shared/ids.ts';
import type { QueuedRun } from '../storage/run-store.ts';
import type { RunStatus } from '../storage/tables.ts';
import { areDisjoint } from './gateway-shares.ts';

/** A paused run keeps its sites. */
const OPEN: readonly RunStatus[] = ['queued', 'running', 'paused'];

export const sitesOf = ({ sites }: Pick<QueuedRun, 'sites'>): ReadonlySet<SiteId> | undefined =>
  sites && new Set(sites);

/**
 * A run never overtakes one that waits for a site of both, so that each has its turn.
 * @param runs in the order of the queue
 * @param isGoingOn whether this process carries the run out already
 */
export function startable(
  runs: readonly QueuedRun[],
  isGoingOn: (run: QueuedRun) => boolean,
): readonly QueuedRun[] {
  const open = runs.filter((run) => OPEN.includes(run.status) || isGoingOn(run));
  // What goes on has its sites, wherever it stands in the queue.
  const taken = open.filter(isGoingOn).map(sitesOf);
  const starting: QueuedRun[] = [];
  for (const run of open.filter((one) => !isGoingOn(one))) {
    const wanted = sitesOf(run);
    if (taken.every((others) => areDisjoint(others, wanted))) starting.push(run);
    taken.push(wanted);
  }
  return starting;
}
