import { describe, expect, it } from 'vitest';
import { alertsOf, type AlertFacts, type AlertRun } from '../../../coordinator/http/api/alerts.ts';
import { alertSchema } from '../../../coordinator/http/api/overview-views.ts';
import type { AttemptView } from '../../../coordinator/storage/attempt-view.ts';
import type { RegisteredSite } from '../../../coordinator/storage/site-registry.ts';
import type { RunStatus, SiteStatus } from '../../../coordinator/storage/tables.ts';
import { hashPlan } from '../../../shared/protocol/plan.ts';
import { runIdSchema } from '../../../shared/ids.ts';
import { planOf, site, sites } from '../fixtures.ts';

const nowMs = Date.UTC(2026, 0, 10);
const GIB = 1024 ** 3;
const plan = planOf();
const at = (msAgo: number): string => new Date(nowMs - msAgo).toISOString();

const member = (name: string, status: SiteStatus = 'active'): RegisteredSite => ({
  ...{ siteId: site(name), publicKey: new Uint8Array(32), fingerprint: '', status },
  ...{ enrolledAt: at(0), changedAt: at(0), lastContactAt: undefined, about: undefined },
});
function runOf(
  status: RunStatus,
  rest: Partial<AlertRun & { sites: string[]; msAgo: number }> = {},
): AlertRun {
  const { attempts = [], sites: members, msAgo = 0 } = rest;
  const used = rest.plan ?? plan;
  return {
    ...{ plan: used, attempts },
    run: {
      ...{ runId: runIdSchema.parse('r'), planHash: hashPlan(used), status, failure: null, addedAt: at(0) },
      ...{ changedAt: at(msAgo), sites: members && sites(...members) },
    },
  };
}
const facts = (changes: Partial<AlertFacts> = {}): AlertFacts => ({
  ...{
    nowMs,
    sites: [member('a'), member('b')],
    connected: new Set(sites('a', 'b')),
    invitations: [],
    runs: [],
  },
  ...{ certificateDays: undefined, disk: { freeBytes: 500 * GIB, totalBytes: 1000 * GIB } },
  ...changes,
});
const said = (changes: Partial<AlertFacts>): string[] =>
  alertsOf(facts(changes)).map((alert) => {
    alertSchema.parse(alert);
    return `${alert.severity} ${alert.id}`;
  });
const dropped = (reason: 'bad-share' | 'deadline'): AttemptView => ({
  ...{
    outcome: 'aborted',
    round: 2,
    attempt: 1,
    reason: 'below-threshold',
    dropped: [{ siteId: site('a'), reason }],
  },
});

describe('alerts', () => {
  it('are none where nothing is to be looked at', () => {
    expect(said({ runs: [runOf('running'), runOf('queued')], certificateDays: 31 })).toEqual([]);
  });

  it.each<[string, Partial<AlertFacts>, string[]]>([
    ['a site that waits for approval', { sites: [member('a', 'pending')] }, ['info sites-pending']],
    [
      'a site that is away from its run',
      { sites: [member('a'), member('b'), member('c')], runs: [runOf('running')] },
      ['warning site-offline c r'],
    ],
    [
      'nobody that a run is not for',
      { sites: [member('a'), member('b'), member('c')], runs: [runOf('running', { sites: ['a', 'b'] })] },
      [],
    ],
    [
      'a run with too few sites',
      { connected: new Set(sites('a')), runs: [runOf('running')] },
      ['error too-few-sites r', 'warning site-offline b r'],
    ],
    [
      'a run that waits with too few sites',
      { connected: new Set(), runs: [runOf('queued')] },
      ['warning too-few-sites r'],
    ],
    [
      'a round that ended without a model',
      { runs: [runOf('running', { attempts: [dropped('deadline')] })] },
      ['warning round-aborted r'],
    ],
    [
      'a site that cheats',
      {
        runs: [
          runOf('paused', { attempts: [dropped('bad-share'), dropped('deadline'), dropped('bad-share')] }),
        ],
      },
      ['error site-cheated a r', 'warning round-aborted r'],
    ],
    ['a run that failed', { runs: [runOf('failed')] }, ['error run-failed r']],
    ['no run that failed long ago', { runs: [runOf('failed', { msAgo: 4 * 86_400_000 })] }, []],
    [
      'updates that nothing hides',
      { runs: [runOf('running', { plan: planOf({}, { protection: { mode: 'plain' } }) })] },
      ['warning unencrypted-run r'],
    ],
    ['a certificate that ends in a month', { certificateDays: 30 }, ['warning certificate-expires']],
    ['a certificate that ends in a week', { certificateDays: 7 }, ['error certificate-expires']],
    ['a certificate that has ended', { certificateDays: -1 }, ['error certificate-expires']],
    [
      'a disk with a tenth left',
      { disk: { freeBytes: 9 * GIB, totalBytes: 100 * GIB } },
      ['warning disk-full'],
    ],
    ['a disk with nothing left', { disk: { freeBytes: GIB, totalBytes: 5 * GIB } }, ['error disk-full']],
    [
      'an invitation on its last day',
      {
        invitations: [-1, 60_000, 90_000_000].map((leftMs, i) => ({
          ...{ id: String(i), siteId: site('x'), createdAt: null, expiresAt: at(-leftMs) },
        })),
      },
      ['info invitation-expires 1'],
    ],
  ])('tell of %s', (_, changes, expected) => {
    expect(said(changes)).toEqual(expected);
  });
});
