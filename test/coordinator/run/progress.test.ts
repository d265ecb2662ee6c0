import { describe, expect, it } from 'vitest';
import {
  classCountsIn,
  newProgress,
  nextMove,
  recordAttempt,
  type AttemptRecord,
  type RunProgress,
} from '../../../coordinator/run/progress.ts';
import type { AbortReason } from '../../../shared/protocol/reasons.ts';
import { modelHash, planOf, sites } from '../fixtures.ts';

const published = (round: number, score: number | undefined, loss = 1): AttemptRecord => ({
  outcome: 'published',
  round,
  attempt: 1,
  modelHash: modelHash('b'),
  survivors: sites('a', 'b'),
  dropped: [],
  validation: { loss, score, metrics: {} },
});
const aborted = (
  round: number,
  attempt: number,
  reason: AbortReason = 'cohort-below-minimum',
): AttemptRecord => ({
  outcome: 'aborted',
  round,
  attempt,
  reason,
  dropped: [],
});
const after = (records: readonly AttemptRecord[], federation = {}): RunProgress =>
  records.reduce(recordAttempt, newProgress(planOf(federation).federation));

describe('a run', () => {
  it('goes from round to round and ends after the last', () => {
    expect(nextMove(after([]))).toEqual({ kind: 'attempt', round: 1, attempt: 1 });
    expect(nextMove(after([published(1, 0.5)]))).toEqual({ kind: 'attempt', round: 2, attempt: 1 });
    expect(nextMove(after([published(1, 0.5), published(2, 0.5), published(3, 0.5)]))).toEqual({
      kind: 'finished',
      because: 'all-rounds',
    });
  });

  it('repeats an aborted round with the next attempt, and fails after three in a row', () => {
    expect(nextMove(after([aborted(1, 1)]))).toEqual({ kind: 'attempt', round: 1, attempt: 2 });
    const broken = [aborted(1, 1), aborted(1, 2), published(1, 0.5), aborted(2, 1), aborted(2, 2)];
    expect(nextMove(after(broken))).toEqual({ kind: 'attempt', round: 2, attempt: 3 });
    expect(nextMove(after([...broken, aborted(2, 3)]))).toEqual({
      kind: 'failed',
      reason: 'cohort-below-minimum',
    });
  });

  it('uses the number of a round that was unmasked in vain no more, but for its repetition with a proof', () => {
    const spent = { ...aborted(1, 1, 'unmasking-failed'), spent: true } as const;
    expect(nextMove(after([spent]))).toEqual({ kind: 'attempt', round: 2, attempt: 1 });
    expect(nextMove(after([spent]), true)).toEqual({ kind: 'attempt', round: 1, attempt: 2 });
    // Counts asked for again would show whose are missing: without a proof there is nothing to be done.
    const counts = { ...spent, round: 0 };
    expect(nextMove(after([counts]))).toEqual({ kind: 'failed', reason: 'unmasking-failed' });
    expect(nextMove(after([counts]), true)).toEqual({ kind: 'attempt', round: 0, attempt: 2 });
  });

  it('stops when it was stopped', () => {
    expect(nextMove(after([aborted(1, 1, 'stopped')]))).toEqual({ kind: 'stopped' });
  });

  it('chooses the best model by validation score, then loss, then the earlier', () => {
    expect(after([published(1, 0.7), published(2, 0.9), published(3, 0.8)]).best?.round).toBe(2);
    expect(after([published(1, 0.9, 0.5), published(2, 0.9, 0.4)]).best?.round).toBe(2);
    expect(after([published(1, 0.9, 0.5), published(2, 0.9, 0.5)]).best?.round).toBe(1);
    expect(after([published(1, undefined, 0.1), published(2, 0.2, 9)]).best?.round).toBe(2);
    expect(after([published(1, undefined, 0.2), published(2, undefined, 0.1)]).best?.round).toBe(2);
  });

  it('stops early when the score no longer gets better, if the plan says so', () => {
    const records = [published(1, 0.9), published(2, 0.8), published(3, 0.7)];
    const patient = { rounds: 9, earlyStopping: { patience: 2 } };
    expect(nextMove(after(records.slice(0, 2), patient)).kind).toBe('attempt');
    expect(nextMove(after(records, patient))).toEqual({ kind: 'finished', because: 'no-better-score' });
  });

  it('stops early when the score gets better by too little, and still keeps the best', () => {
    const earlyStopping = { patience: 2, minimumImprovement: 0.05 };
    // Round 3 is 0.06 above round 1, though only 0.04 above round 2; rounds 4 and 5 are not enough above it.
    const scores = [0.8, 0.82, 0.86, 0.87, 0.88];
    const records = scores.map((score, i) => published(i + 1, score));
    expect(nextMove(after(records.slice(0, 4), { rounds: 9, earlyStopping })).kind).toBe('attempt');
    const progress = after(records, { rounds: 9, earlyStopping });
    expect(nextMove(progress)).toEqual({ kind: 'finished', because: 'no-better-score' });
    expect(progress.best?.round).toBe(5);
    const unknown = [published(1, undefined), published(2, 0.1), published(3, undefined)];
    expect(after(unknown, { rounds: 9, earlyStopping }).improved?.round).toBe(2);
  });
});

describe('a run that counts classes first', () => {
  const counted: AttemptRecord = {
    ...{ outcome: 'counted', round: 0, attempt: 1, dropped: [] },
    survivors: sites('a', 'b'),
    classCounts: [3, 4],
  };
  const from = (...records: AttemptRecord[]): RunProgress =>
    records.reduce(recordAttempt, newProgress(planOf().federation, true));

  it('begins with round 0, repeats it when it is aborted, and goes on with round 1', () => {
    expect(nextMove(from())).toEqual({ kind: 'attempt', round: 0, attempt: 1 });
    expect(nextMove(from(aborted(0, 1)))).toEqual({ kind: 'attempt', round: 0, attempt: 2 });
    expect(nextMove(from(aborted(0, 1), { ...counted, attempt: 2 }))).toEqual({
      kind: 'attempt',
      round: 1,
      attempt: 1,
    });
    expect(nextMove(from(counted, published(1, 0.5)))).toMatchObject({ round: 2 });
    expect(nextMove(from(counted, aborted(1, 1)))).toEqual({ kind: 'attempt', round: 1, attempt: 2 });
  });

  it('knows the counts from then on, and no model by them', () => {
    expect(classCountsIn(from(aborted(0, 1)).records)).toBeUndefined();
    const progress = from(counted, published(1, 0.5));
    expect(classCountsIn(progress.records)).toEqual([3, 4]);
    expect(progress.best?.round).toBe(1);
    expect(from(aborted(0, 1), counted)).toMatchObject({ consecutiveAborts: 0, best: undefined });
  });

  it('fails when sites have revealed and there is no sum: nobody answers twice with the same counts', () => {
    const spent = { ...aborted(0, 1, 'unmasking-failed'), spent: true } as const;
    expect(nextMove(from(spent))).toEqual({ kind: 'failed', reason: 'unmasking-failed' });
  });
});
