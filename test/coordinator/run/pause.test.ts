import { describe, expect, it } from 'vitest';
import { PauseSwitch } from '../../../coordinator/run/pause.ts';
import { runMini, type MiniResult, type World } from '../../simulations/virtual/mini-federation.ts';

const HOUR_MS = 3_600_000;

/** A run of three rounds that somebody pauses in the middle of the second and resumes an hour later. */
async function pausedRun(lines: string[]): Promise<MiniResult> {
  const pause = new PauseSwitch();
  const arranged: { world?: World } = {};
  const tell = (text: string): void => {
    const ms = String(arranged.world?.clock.nowMs() ?? 0);
    lines.push(`${ms.padStart(7)} ms  ${text}`);
  };
  return runMini({
    pause,
    arrange: (world) => (arranged.world = world),
    hooks: {
      report: ({ round }, report) => {
        if (report.kind !== 'phaseEntered') return;
        tell(`round ${String(round)}: ${report.phase}, ${String(report.cohortSize)} sites`);
        if (round !== 2 || report.phase !== 'training') return;
        pause.pause();
        tell('somebody pauses the run');
      },
      paused: () => {
        tell('the run waits');
        arranged.world?.clock.schedule(HOUR_MS, () => {
          tell('somebody resumes the run');
          pause.resume();
        });
      },
      resumed: () => {
        tell('the run goes on');
      },
    },
  });
}

describe('a run that is paused', () => {
  it('finishes its round, waits, and ends with the same weights', async () => {
    const lines = ['Paused and resumed', ''];
    const paused = await pausedRun(lines);
    const uninterrupted = await runMini();
    expect(paused.finalWeights).toEqual(uninterrupted.finalWeights);
    expect(paused.records).toEqual(uninterrupted.records);
    await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot('../../traces/paused-and-resumed.txt');
  });

  it('can be stopped while it waits', async () => {
    const pause = new PauseSwitch();
    const controller = new AbortController();
    pause.pause();
    const waiting = runMini({
      pause,
      signal: controller.signal,
      hooks: {
        paused: () => {
          controller.abort();
        },
      },
    });
    expect((await waiting).end).toEqual({ kind: 'stopped' });
    expect((await waiting).records).toEqual([]);
  });

  it('does not wait when nobody has paused it, or somebody has resumed it in time', async () => {
    const pause = new PauseSwitch();
    pause.pause();
    pause.resume();
    const told: string[] = [];
    const result = await runMini({ pause, hooks: { paused: () => told.push('paused') } });
    expect(result.end).toMatchObject({ kind: 'finished' });
    expect(told).toEqual([]);
  });
});
