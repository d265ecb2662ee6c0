/** What the tests of faults compare with and wait for. */
import { expect } from 'vitest';
import type { CoordinatorReport } from '../../../coordinator/reports.ts';
import { SmallFederation } from './small-federation.ts';

export const isOver = ({ kind }: CoordinatorReport): boolean =>
  kind === 'runFinished' || kind === 'runFailed';

export const isPublished =
  (round: number) =>
  (report: CoordinatorReport): boolean =>
    report.kind === 'attempt' && report.record.outcome === 'published' && report.record.round === round;

/** The models of a run that nothing happens to. */
export async function undisturbed(rounds: number): Promise<readonly string[]> {
  const whole = await SmallFederation.create(rounds);
  try {
    await whole.start();
    whole.startSites();
    expect(await whole.told(isOver)).toMatchObject({ kind: 'runFinished' });
    return await whole.models();
  } finally {
    await whole.remove();
  }
}
