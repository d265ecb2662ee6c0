import { expect, it } from 'vitest';
import type { SiteReport } from '../../../client/agent/site.ts';
import { describeSiteReport, siteLogFields } from '../../../simulations/cli/site-log.ts';
import { contextOf, planOf } from '../../coordinator/fixtures.ts';

const context = contextOf(planOf());

it('says that training failed, and not on which image', () => {
  const report: SiteReport = {
    kind: 'session',
    report: { kind: 'trainingFailed', context, code: 'DATA', message: '/data/mary-smith.png is broken' },
  };
  expect(describeSiteReport(report)).toBe(
    'run run-1, round 1: training failed (DATA); consilium site doctor tells more',
  );
  const place = { kind: 'session', event: 'trainingFailed', runId: 'run-1', round: 1, attempt: 1 };
  expect(siteLogFields(report)).toEqual({ ...place, code: 'DATA' });
});

it('writes of every report the listed fields and nothing that was added', () => {
  const session = (report: Extract<SiteReport, { kind: 'session' }>['report']): SiteReport => ({
    kind: 'session',
    report: { ...report, ...{ secret: 'mary' } },
  });
  const reports: readonly SiteReport[] = [
    { kind: 'link', status: { kind: 'connected', ...{ secret: 'mary' } } },
    { kind: 'link', status: { kind: 'waiting', reason: 'refused', delayMs: 5, ...{ secret: 'mary' } } },
    { kind: 'closed', problem: 'policy.yaml cannot be read', ...{ secret: 'mary' } },
    session({ kind: 'refused', context, reason: 'plan-not-approved' }),
    session({ kind: 'ignored', context, reason: 'bad-coordinator-signature' }),
    session({ kind: 'acknowledged', context, result: { status: 'late' } }),
    session({ kind: 'joined', context }),
    session({ kind: 'closed', context }),
    session({ kind: 'trainingStarted', context }),
    session({ kind: 'countingStarted', context }),
  ];
  const lines = reports.map((report) => JSON.stringify(siteLogFields(report)));
  expect(lines.join()).not.toContain('mary');
  expect(lines.slice(0, 5)).toEqual([
    '{"kind":"link","event":"connected"}',
    '{"kind":"link","event":"waiting","reason":"refused","delayMs":5}',
    '{"kind":"closed","problem":"policy.yaml cannot be read"}',
    '{"kind":"session","event":"refused","runId":"run-1","round":1,"attempt":1,"reason":"plan-not-approved"}',
    '{"kind":"session","event":"ignored","runId":"run-1","round":1,"attempt":1,"reason":"bad-coordinator-signature"}',
  ]);
  expect(lines[5]).toContain('"status":"late"');
});
