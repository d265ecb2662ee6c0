/** What people see first. */
import type { RunId, SiteId } from '../../../shared/ids.ts';
import { fingerprintOf } from '../../../shared/crypto/fingerprint.ts';
import { programVersion } from '../../../shared/program-version.ts';
import { diskRoom } from '../../storage/disk-figures.ts';
import { certificateOf, daysLeft } from '../certificate.ts';
import { alertsOf, isWatched, type AlertRun } from './alerts.ts';
import { overviewSchema, type Alert, type CurrentRun } from './overview-views.ts';
import { progressOf } from './round-progress.ts';
import { jsonRoute, NONE, type Route } from './route.ts';
import type { ApiServices } from './services.ts';

async function alertRuns({ runs, clock }: Pick<ApiServices, 'runs' | 'clock'>): Promise<AlertRun[]> {
  const plans = new Map((await runs.listPlans()).map(({ planHash, plan }) => [planHash, plan]));
  const present = (await runs.runs()).filter((run) => isWatched(run, clock.nowMs()));
  return Promise.all(
    present.map(async (run) => ({
      ...{ run, plan: plans.get(run.planHash), attempts: await runs.attempts(run.runId) },
    })),
  );
}

async function presentAlerts(services: ApiServices, runs: readonly AlertRun[]): Promise<Alert[]> {
  const { folder, sites, clock, connectedSites } = services;
  const nowMs = clock.nowMs();
  const certificate = certificateOf(folder);
  return alertsOf({
    ...{ nowMs, runs, sites: await sites.list(), invitations: await sites.invitations() },
    connected: new Set<SiteId>(connectedSites()),
    certificateDays: certificate && daysLeft(certificate, nowMs),
    disk: await diskRoom(folder.path),
  });
}

async function lastOf(
  { history }: ApiServices,
  runId: RunId,
  { attempts }: AlertRun,
): Promise<CurrentRun['last']> {
  const last = attempts.findLast((attempt) => attempt.outcome === 'published');
  if (!last) return null;
  const { round, score, loss } = last;
  return { round, score, loss, metrics: (await history.evaluation(runId, round))?.metrics ?? {} };
}

async function currentRun(services: ApiServices, present: AlertRun): Promise<CurrentRun[]> {
  const { run, plan, attempts } = present;
  const { runId, planHash, status } = run;
  if ((status !== 'running' && status !== 'paused') || !plan) return [];
  return [
    {
      ...{ runId, planHash, planName: plan.task.name, status, rounds: plan.federation.rounds },
      roundsDone: attempts.filter(({ outcome }) => outcome === 'published').length,
      progress: progressOf(services, runId) ?? null,
      last: await lastOf(services, runId, present),
    },
  ];
}

export function overviewRoutes(services: ApiServices): Route[] {
  const { folder, sites, clock, connectedSites } = services;
  return [
    jsonRoute({
      ...{ operation: 'showOverview', method: 'get', path: '/api/v1/overview' },
      summary: 'How the federation is, what goes on, and what somebody should look at',
      ...{ params: NONE, query: NONE, body: NONE, answer: overviewSchema },
      handle: async () => {
        const runs = await alertRuns(services);
        const statuses = (await sites.list()).map(({ status }) => status);
        const countOf = <T>(values: readonly T[], wanted: T): number =>
          values.filter((value) => value === wanted).length;
        const states = runs.map(({ run }) => run.status);
        const current = await Promise.all(runs.map((run) => currentRun(services, run)));
        return {
          serverNowMs: Math.round(clock.nowMs()),
          federationId: folder.federationId,
          fingerprint: fingerprintOf(folder.identity.publicKey),
          version: programVersion(),
          sites: {
            active: countOf(statuses, 'active'),
            online: connectedSites().length,
            pending: countOf(statuses, 'pending'),
            suspended: countOf(statuses, 'suspended'),
          },
          runs: {
            queued: countOf(states, 'queued'),
            running: countOf(states, 'running'),
            paused: countOf(states, 'paused'),
          },
          current: current.flat(),
          alerts: await presentAlerts(services, runs),
        };
      },
    }),
  ];
}
