import { expect, it } from 'vitest';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SiteReport } from '../../../client/agent/site.ts';
import { AgentElsewhere, AgentHere } from '../../../client/ui/page-agent.ts';
import { contextOf, planOf } from '../../coordinator/fixtures.ts';

const context = contextOf(planOf());
const session = (report: Extract<SiteReport, { kind: 'session' }>['report']): SiteReport => ({
  kind: 'session',
  report,
});
const place = { runId: context.runId, round: 1 };

function agent() {
  let nowMs = 1000;
  const here = new AgentHere({ nowMs: () => nowMs++ });
  let hasEnded = false;
  void here.stopRequested.then(() => {
    hasEnded = true;
  });
  const isEnding = async (): Promise<boolean> => {
    await Promise.resolve();
    await Promise.resolve();
    return hasEnded;
  };
  return { here, isEnding };
}

it('follows a round from the agreement to its end', () => {
  const { here } = agent();
  const phases: (string | undefined)[] = [];
  const hear = (report: SiteReport): void => {
    here.hear(report);
    phases.push(here.now().round?.phase);
  };
  hear({ kind: 'link', status: { kind: 'connected' } });
  hear(session({ kind: 'joined', context }));
  hear(session({ kind: 'acknowledged', context, result: { status: 'accepted' } }));
  hear(session({ kind: 'trainingStarted', context }));
  const figures = { totalSteps: 20, loss: 0.7, device: 'CPU' };
  hear({ kind: 'training', report: { kind: 'steps', place, steps: 1, figures, losses: [], seconds: 1 } });
  expect(here.now().training).toBeNull();
  hear(session({ kind: 'acknowledged', context, result: { status: 'accepted' } }));
  const trained = {
    ...{ ...place, planHash: context.planHash, planName: 'p', steps: 20, seconds: 3 },
    ...{ exampleCount: 90, meanLoss: 0.5, device: 'CPU' },
  };
  hear({ kind: 'training', report: { kind: 'trained', trained } });
  hear(session({ kind: 'acknowledged', context, result: { status: 'accepted' } }));
  hear(session({ kind: 'closed', context: { ...context, attempt: 2 } }));
  hear(session({ kind: 'closed', context }));
  expect(phases).toEqual([
    ...[undefined, 'joined', 'joined', 'training', 'training', 'training', 'sent', 'accepted', 'accepted'],
    undefined,
  ]);
  expect(here.now()).toMatchObject({ link: { kind: 'connected' }, lastTrained: { meanLoss: 0.5 } });
});

it('keeps the losses of a round, and of a long one so many as a curve needs', () => {
  const { here } = agent();
  const { runId } = place;
  const request = { context: { round: 1, runId } };
  // Of the request only the benefit makes use.
  here.hear({ kind: 'training', report: { kind: 'begun', place, planName: 'p', request: request as never } });
  for (let step = 1; step <= 1000; step += 2) {
    const losses = [
      { step, loss: 1 / step },
      { step: step + 1, loss: 1 / (step + 1) },
    ];
    const figures = { totalSteps: 1000, loss: 1 };
    here.hear({
      kind: 'training',
      report: { kind: 'steps', place, steps: step + 1, figures, losses, seconds: 1 },
    });
  }
  const kept = here.now().training?.losses ?? [];
  expect(kept.length).toBeGreaterThan(200);
  expect(kept.length).toBeLessThanOrEqual(400);
  expect(kept.at(-1)).toEqual({ step: 1000, loss: 0.001 });
  here.hear({ kind: 'training', report: { kind: 'ended', place } });
  expect([here.now().training, here.now().lastTraining?.losses.length]).toEqual([null, kept.length]);
});

it('tells refusals and failures, and what keeps the site out of all rounds', () => {
  const { here } = agent();
  here.hear({ kind: 'closed', problem: 'policy.yaml cannot be read' });
  here.hear(session({ kind: 'refused', context, reason: 'plan-not-approved' }));
  here.hear(session({ kind: 'trainingFailed', context, code: 'DATA', message: 'an image is broken' }));
  here.hear({ kind: 'link', status: { kind: 'waiting', reason: 'refused', delayMs: 500 } });
  const { problem, notices, link } = here.now();
  expect(problem).toContain('policy.yaml');
  expect(notices.map(({ text }) => text)).toEqual([
    'run run-1, round 1: refused: plan-not-approved',
    'run run-1, round 1: training failed: an image is broken',
  ]);
  expect(link).toMatchObject({ kind: 'waiting', reason: 'refused', retryAtMs: 1503 });
});

it('stops at once, without a round also after the round', async () => {
  for (const when of ['at-once', 'after-round'] as const) {
    const { here, isEnding } = agent();
    expect(await isEnding()).toBe(false);
    here.stop(when);
    expect([await isEnding(), await here.status(), here.stopping()]).toEqual([true, 'stopping', when]);
  }
});

it('stops after the round when the round is over, and before when somebody insists', async () => {
  const { here, isEnding } = agent();
  here.hear(session({ kind: 'joined', context }));
  here.stop('after-round');
  here.hear(session({ kind: 'trainingStarted', context }));
  expect(await isEnding()).toBe(false);
  here.hear(session({ kind: 'closed', context }));
  expect(await isEnding()).toBe(true);

  const other = agent();
  other.here.hear(session({ kind: 'joined', context }));
  other.here.stop('after-round');
  other.here.stop('at-once');
  expect(await other.isEnding()).toBe(true);
  other.here.stop('after-round');
  expect(other.here.stopping()).toBe('at-once');
});

it('knows where no agent runs', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'consilium-elsewhere-'));
  const elsewhere = new AgentElsewhere(folder);
  expect([await elsewhere.status(), elsewhere.now()]).toEqual(['not-running', undefined]);
  rmSync(folder, { recursive: true });
});
