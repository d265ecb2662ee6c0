import { expect, it } from 'vitest';
import { newerProgress } from '../../../coordinator/console/newer-progress.ts';
import { progressSchema } from '../../../coordinator/http/api/round-views.ts';

const at = (serverNowMs: number, round: number) =>
  progressSchema.parse({
    ...{ runId: 'first', round, attempt: 1, phase: 'training', phaseStartMs: 0, deadlineMs: null },
    ...{ serverNowMs, cohortSize: 3, perSite: [] },
  });

it('shows the newer of what was asked for and what was told', () => {
  expect(newerProgress(at(10, 1), 10, at(20, 2))?.round).toBe(2);
  expect(newerProgress(at(30, 3), 30, at(20, 2))?.round).toBe(3);
  expect(newerProgress(at(10, 1), 10, undefined)?.round).toBe(1);
});

it('lets a round that has ended go, and shows one that has begun since', () => {
  expect(newerProgress(null, 30, at(20, 2))).toBeUndefined();
  expect(newerProgress(null, 10, at(20, 2))?.round).toBe(2);
});
