/** What happens in a run, as it is kept for people. Nothing here names a path, an address or an image. */
import { z } from 'zod';
import { siteIdSchema } from '../../shared/ids.ts';
import { abortReasonSchema, dropReasonSchema } from '../../shared/protocol/reasons.ts';
import { phaseSchema } from './attempt-track.ts';

const place = { round: z.int().min(0), attempt: z.int().min(1) };

export const runEventSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.enum(['started', 'resumed', 'paused', 'stopped', 'finished', 'failed']) }),
  /** So many sites are announced to. */
  z.strictObject({ kind: z.literal('began'), ...place, cohortSize: z.int().min(0) }),
  z.strictObject({
    kind: z.literal('dropped'),
    ...place,
    siteId: siteIdSchema,
    phase: phaseSchema,
    reason: dropReasonSchema,
  }),
  /** It has been shown to cheat. */
  z.strictObject({
    kind: z.literal('culprit'),
    ...place,
    siteId: siteIdSchema,
    reason: z.enum(['bad-share', 'bad-secret']),
  }),
  /** The deadline has passed; these are waited for. */
  z.strictObject({
    kind: z.literal('extended'),
    ...place,
    sites: z.array(siteIdSchema),
    delayMs: z.number().min(0),
  }),
  z.strictObject({ kind: z.literal('counted'), ...place, survivors: z.int().min(0) }),
  z.strictObject({
    kind: z.literal('published'),
    ...place,
    survivors: z.int().min(0),
    score: z.number().nullable(),
  }),
  z.strictObject({ kind: z.literal('aborted'), ...place, reason: abortReasonSchema }),
]);
export type StoredRunEvent = z.infer<typeof runEventSchema>;

export interface TimedRunEvent {
  /** From 1, within the run. */
  readonly sequence: number;
  /** ISO 8601. */
  readonly at: string;
  readonly event: StoredRunEvent;
}
