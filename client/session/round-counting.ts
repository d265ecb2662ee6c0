/** A site's part in the round of counts: how many training images it has of each class. */
import { ConsiliumError } from '../../shared/errors.ts';
import { countsFault, countsLayout } from '../../shared/protocol/class-counts.ts';
import type { LocalTrainer } from '../training/local-update.ts';
import type { Announced } from './interrupted-round.ts';

/** This site's images cannot be counted for the plan. */
class CountingError extends ConsiliumError {
  readonly code = 'COUNTING';
}

export interface RoundCounting {
  readonly trainer: LocalTrainer;
  readonly announced: Announced;
  readonly signal: AbortSignal;
}

/** @throws CountingError for counts that do not fit the plan's classes or the ring; what the trainer throws */
export async function countInRound({
  trainer,
  announced,
  signal,
}: RoundCounting): Promise<readonly number[]> {
  const { plan, cohort } = announced;
  if (!trainer.count) throw new CountingError('the trainer of this site does not count its images');
  const counts = await trainer.count({ plan, signal });
  const layout = countsLayout(plan.task.classNames.length, cohort.length);
  const fault = countsFault(counts, layout);
  if (fault !== undefined)
    throw new CountingError(
      `the images of this site were counted as ${counts.map(String).join(', ')}; the plan needs a whole number for each of its ` +
        `${String(layout.classCount)} classes, up to ${String(layout.limit)} (${fault})`,
    );
  return counts;
}
