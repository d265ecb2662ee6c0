/** What somebody should look at, made from how things are now: an alert goes when its reason has gone. */
import type { Plan } from '../../../shared/protocol/plan.ts';
import type { SiteId } from '../../../shared/ids.ts';
import type { AttemptView } from '../../storage/attempt-view.ts';
import type { QueuedRun } from '../../storage/run-store.ts';
import type { OpenInvitation, RegisteredSite } from '../../storage/site-registry.ts';
import type { Alert } from './overview-views.ts';
import { abortText, DROP_TEXTS, sitesText } from './run-event-text.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** An invitation that nobody has used by then is worth a call. */
const INVITATION_WARNING_MS = DAY_MS;
const CERTIFICATE_WARNING_DAYS = 30;
const CERTIFICATE_URGENT_DAYS = 7;
/** A model with its journal and a database in use want some room. */
const LEAST_FREE_SHARE = 0.1;
const LEAST_FREE_BYTES = 2 * 1024 ** 3;
/** A failure is news for so long. */
const FAILURE_NEWS_MS = 3 * DAY_MS;

/** A run that is queued, going on or paused, or failed lately. */
export interface AlertRun {
  readonly run: QueuedRun;
  readonly plan: Plan | undefined;
  /** In order. */
  readonly attempts: readonly AttemptView[];
}

export interface AlertFacts {
  readonly nowMs: number;
  readonly sites: readonly RegisteredSite[];
  readonly connected: ReadonlySet<SiteId>;
  readonly invitations: readonly OpenInvitation[];
  readonly runs: readonly AlertRun[];
  /** Undefined: no certificate of its own. */
  readonly certificateDays: number | undefined;
  readonly disk: { readonly freeBytes: number; readonly totalBytes: number };
}

/** Whether alerts can come of a run. */
export function isWatched({ status, changedAt }: QueuedRun, nowMs: number): boolean {
  if (status === 'failed') return nowMs - Date.parse(changedAt) < FAILURE_NEWS_MS;
  return status === 'queued' || status === 'running' || status === 'paused';
}

const isOpen = ({ run }: AlertRun): boolean => run.status === 'running' || run.status === 'paused';

function membersOf({ run }: AlertRun, sites: readonly RegisteredSite[]): readonly RegisteredSite[] {
  const active = sites.filter(({ status }) => status === 'active');
  return run.sites ? active.filter(({ siteId }) => run.sites?.includes(siteId)) : active;
}

function siteAlerts({ sites, connected, runs }: AlertFacts): Alert[] {
  const pending = sites.filter(({ status }) => status === 'pending');
  const waiting: Alert[] =
    pending.length === 0
      ? []
      : [
          {
            ...{ id: 'sites-pending', kind: 'sites-pending', severity: 'info' },
            text: `${pending.map(({ siteId }) => siteId).join(', ')} asked to join and ${pending.length === 1 ? 'waits' : 'wait'} for approval.`,
            advice: 'Compare the fingerprint with the one that the site shows, then approve it or remove it.',
            subject: { kind: 'site', id: pending[0]?.siteId ?? '' },
          },
        ];
  const away = runs.filter(isOpen).flatMap((open) =>
    membersOf(open, sites)
      .filter(({ siteId }) => !connected.has(siteId))
      .map(({ siteId }): Alert => ({
        ...{ id: `site-offline ${siteId} ${open.run.runId}`, kind: 'site-offline', severity: 'warning' },
        text: `${siteId} is offline while run ${open.run.runId} goes on.`,
        advice: 'Ask the site: `consilium site status` there says why.',
        subject: { kind: 'site', id: siteId },
      })),
  );
  return [...waiting, ...away];
}

function cohortAlerts({ sites, connected, runs }: AlertFacts): Alert[] {
  return runs.flatMap((one): Alert[] => {
    const { run, plan } = one;
    if (run.status === 'failed' || !plan) return [];
    const online = membersOf(one, sites).filter(({ siteId }) => connected.has(siteId)).length;
    const { minimumCohort } = plan.federation;
    if (online >= minimumCohort) return [];
    return [
      {
        ...{ id: `too-few-sites ${run.runId}`, kind: 'too-few-sites' },
        severity: run.status === 'running' ? 'error' : 'warning',
        text: `Run ${run.runId} needs ${sitesText(minimumCohort)} a round; ${String(online)} ${online === 1 ? 'is' : 'are'} online.`,
        advice: 'Rounds wait, and fail in the end, until enough sites are there and have approved the plan.',
        subject: { kind: 'run', id: run.runId },
      },
    ];
  });
}

function cheatAlerts({ run, attempts }: AlertRun): Alert[] {
  const drops = attempts.flatMap(({ dropped }) => dropped);
  const cheats = drops.filter(({ reason }) => reason === 'bad-share' || reason === 'bad-secret');
  const reasons = new Map(cheats.map(({ siteId, reason }) => [siteId, reason]));
  return [...reasons].map(([siteId, reason]) => ({
    ...{ id: `site-cheated ${siteId} ${run.runId}`, kind: 'site-cheated', severity: 'error' },
    text: `${siteId} has been shown to cheat in run ${run.runId}: ${DROP_TEXTS[reason]}.`,
    advice:
      'It takes part in no further round of this run. Suspend it until it is known what happened there.',
    subject: { kind: 'site', id: siteId },
  }));
}

function runAlerts({ runs, nowMs }: AlertFacts): Alert[] {
  return runs.flatMap((one): Alert[] => {
    const { run, plan, attempts } = one;
    const { runId } = run;
    const subject = { kind: 'run' as const, id: runId };
    const last = attempts.at(-1);
    const failed: Alert[] =
      run.status === 'failed' && isWatched(run, nowMs)
        ? [
            {
              ...{ id: `run-failed ${runId}`, kind: 'run-failed', severity: 'error', subject },
              text: `Run ${runId} has failed.`,
              advice: 'Its page says why; put the plan into the queue again when that is put right.',
            },
          ]
        : [];
    const aborted: Alert[] =
      isOpen(one) && last?.outcome === 'aborted'
        ? [
            {
              ...{ id: `round-aborted ${runId}`, kind: 'round-aborted', severity: 'warning', subject },
              text: `The last attempt at round ${String(last.round)} of run ${runId} ended without a model: ${abortText(last.reason)}.`,
              advice: 'The round is tried again by itself. The run’s page names the sites that were dropped.',
            },
          ]
        : [];
    const open: Alert[] =
      isOpen(one) && plan?.protection.mode === 'plain'
        ? [
            {
              ...{ id: `unencrypted-run ${runId}`, kind: 'unencrypted-run', severity: 'warning', subject },
              text: `The updates of run ${runId} are not encrypted.`,
              advice: 'This is for experiments on public data only. Stop it if patients’ images are used.',
            },
          ]
        : [];
    return [...failed, ...aborted, ...open, ...cheatAlerts(one)];
  });
}

function invitationAlerts({ invitations, nowMs }: AlertFacts): Alert[] {
  const soon = invitations.filter(({ expiresAt }) => {
    const leftMs = Date.parse(expiresAt) - nowMs;
    return leftMs > 0 && leftMs < INVITATION_WARNING_MS;
  });
  return soon.map(({ id, siteId, expiresAt }) => ({
    ...{ id: `invitation-expires ${id}`, kind: 'invitation-expires', severity: 'info' },
    text: `The invitation for ${siteId} expires in ${String(Math.ceil((Date.parse(expiresAt) - nowMs) / HOUR_MS))} h and has not been used.`,
    advice: 'Remind the site, or make a new invitation when it has expired.',
    subject: { kind: 'invitations', id },
  }));
}

function machineAlerts({ certificateDays, disk }: AlertFacts): Alert[] {
  const subject = { kind: 'settings', id: '' } as const;
  const certificate: Alert[] =
    certificateDays === undefined || certificateDays > CERTIFICATE_WARNING_DAYS
      ? []
      : [
          {
            ...{ id: 'certificate-expires', kind: 'certificate-expires', subject },
            severity: certificateDays <= CERTIFICATE_URGENT_DAYS ? 'error' : 'warning',
            text:
              certificateDays < 0
                ? 'The certificate of the coordinator has expired: sites cannot connect.'
                : `The certificate of the coordinator expires in ${String(certificateDays)} days.`,
            advice: 'Put a new one in its place and restart the coordinator: runs go on where they are.',
          },
        ];
  const { freeBytes, totalBytes } = disk;
  const isFull =
    freeBytes < LEAST_FREE_BYTES || (totalBytes > 0 && freeBytes / totalBytes < LEAST_FREE_SHARE);
  const full: Alert[] = isFull
    ? [
        {
          ...{ id: 'disk-full', kind: 'disk-full', subject },
          severity: freeBytes < LEAST_FREE_BYTES ? 'error' : 'warning',
          text: `The disk of the coordinator is nearly full: ${(freeBytes / 1024 ** 3).toFixed(1)} GiB are left.`,
          advice: 'A round that cannot be written down is not published. Make room on the disk.',
        },
      ]
    : [];
  return [...certificate, ...full];
}

const ORDER: Readonly<Record<Alert['severity'], number>> = { error: 0, warning: 1, info: 2 };

/** The most severe first. */
export function alertsOf(facts: AlertFacts): Alert[] {
  return [
    ...machineAlerts(facts),
    ...runAlerts(facts),
    ...cohortAlerts(facts),
    ...siteAlerts(facts),
    ...invitationAlerts(facts),
  ].sort((a, b) => ORDER[a.severity] - ORDER[b.severity]);
}
