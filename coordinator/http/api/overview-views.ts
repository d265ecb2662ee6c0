/** What people see first: how the federation is, what goes on, and what somebody should look at. */
import { z } from 'zod';
import { planHashSchema, runIdSchema } from '../../../shared/ids.ts';
import { metricsSchema } from '../../storage/stored-evaluation.ts';
import { timeMs } from '../../storage/attempt-track.ts';
import { progressSchema } from './round-views.ts';

const count = z.int().min(0);

export const ALERT_KINDS = [
  'site-offline',
  'sites-pending',
  'too-few-sites',
  'round-aborted',
  'run-failed',
  'site-cheated',
  'certificate-expires',
  'disk-full',
  'invitation-expires',
  'unencrypted-run',
] as const;

export const alertSchema = z.strictObject({
  /** The same alert keeps it from one answer to the next. */
  id: z.string(),
  kind: z.enum(ALERT_KINDS),
  severity: z.enum(['info', 'warning', 'error']),
  /** One sentence. */
  text: z.string(),
  /** What to do about it. */
  advice: z.string(),
  /** Where to look; null: nowhere in particular. */
  subject: z
    .strictObject({ kind: z.enum(['site', 'run', 'invitations', 'settings']), id: z.string() })
    .nullable(),
});
export type Alert = z.infer<typeof alertSchema>;
export const alertListSchema = z.strictObject({ alerts: z.array(alertSchema) });

export const currentRunSchema = z.strictObject({
  runId: runIdSchema,
  planHash: planHashSchema,
  planName: z.string(),
  status: z.enum(['running', 'paused']),
  rounds: z.int().min(1),
  roundsDone: count,
  /** Null between two rounds and while it is paused. */
  progress: progressSchema.nullable(),
  /** Of the last published round; null before the first. */
  last: z
    .strictObject({
      round: z.int().min(1),
      score: z.number().nullable(),
      loss: z.number().nullable(),
      metrics: metricsSchema,
    })
    .nullable(),
});
export type CurrentRun = z.infer<typeof currentRunSchema>;

export const overviewSchema = z.strictObject({
  serverNowMs: timeMs,
  federationId: z.string(),
  fingerprint: z.string(),
  version: z.string(),
  sites: z.strictObject({ active: count, online: count, pending: count, suspended: count }),
  runs: z.strictObject({ queued: count, running: count, paused: count }),
  current: z.array(currentRunSchema),
  alerts: z.array(alertSchema),
});
export type Overview = z.infer<typeof overviewSchema>;
