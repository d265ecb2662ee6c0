/** When an attempt, and every site in it, was in which phase: as it is kept, and as people are shown it. */
import { z } from 'zod';
import { siteIdSchema, type RunId } from '../../shared/ids.ts';
import { dropReasonSchema } from '../../shared/protocol/reasons.ts';

/** In the order in which a round passes through them. */
export const PHASES = [
  'selecting',
  'advertising',
  'sharingKeys',
  'training',
  'consistency',
  'unmasking',
  'aggregating',
  'evaluating',
  'published',
  'aborted',
] as const;
export const phaseSchema = z.enum(PHASES);

/** Milliseconds since the Unix epoch, by the coordinator's clock. */
export const timeMs = z.int().min(0);
export const byteCount = z.int().min(0);

export const spanSchema = z.strictObject({
  phase: phaseSchema,
  startMs: timeMs,
  /** Null: it goes on. */
  endMs: timeMs.nullable(),
});
export type Span = z.infer<typeof spanSchema>;

/** Where a site stands in an attempt. */
export const siteStateSchema = z.enum([
  /** Announced to; has not answered yet. */
  'invited',
  /** Has done what the present phase asks for and waits for the others. */
  'waiting',
  /** Is asked for something: keys, an update, signatures. */
  'working',
  /** Its update is in the published model, or its counts in the sum. */
  'survived',
  /** Takes part no more; `reason` says why. */
  'dropped',
  /** The attempt ended without a model. */
  'ended',
]);

export const siteTrackSchema = z.strictObject({
  siteId: siteIdSchema,
  state: siteStateSchema,
  reason: dropReasonSchema.nullable(),
  /** From the site to the coordinator, with headers. */
  bytesUp: byteCount,
  bytesDown: byteCount,
  /** Training steps that it has told of. */
  steps: z.int().min(0),
  /** When the site was asked and when its answer was complete, phase by phase. */
  spans: z.array(spanSchema),
});
export type SiteTrack = z.infer<typeof siteTrackSchema>;

/** An attempt that has ended. */
export interface AttemptTrack {
  readonly round: number;
  readonly attempt: number;
  readonly outcome: 'published' | 'counted' | 'aborted';
  readonly startMs: number;
  readonly endMs: number;
  /** Of the round as a whole. */
  readonly spans: readonly Span[];
  readonly sites: readonly SiteTrack[];
}

/** A site's part in one. */
export interface SiteAttempt {
  readonly runId: RunId;
  readonly round: number;
  readonly attempt: number;
  /** Of the attempt. */
  readonly startMs: number;
  readonly site: SiteTrack;
}
