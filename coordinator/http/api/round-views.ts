/** What people are shown of the rounds of a run: who was in which phase when, what was sent, and what it came to. */
import { z } from 'zod';
import { runIdSchema } from '../../../shared/ids.ts';
import {
  phaseSchema,
  type siteStateSchema,
  siteTrackSchema,
  spanSchema,
  timeMs,
} from '../../storage/attempt-track.ts';

export type PhaseName = z.infer<typeof phaseSchema>;
export type Span = z.infer<typeof spanSchema>;
export type SiteState = z.infer<typeof siteStateSchema>;
export type SiteTimeline = z.infer<typeof siteTrackSchema>;

export const timelineSchema = z.strictObject({
  /** 0: the round that counts images. */
  round: z.int().min(0),
  attempt: z.int().min(1),
  outcome: z.enum(['published', 'counted', 'aborted', 'running']),
  startMs: timeMs,
  endMs: timeMs.nullable(),
  /** Of the round as a whole. */
  spans: z.array(spanSchema),
  sites: z.array(siteTrackSchema),
});
export type Timeline = z.infer<typeof timelineSchema>;

/** One attempt as a site's page shows it. */
export const siteRoundSchema = siteTrackSchema.omit({ siteId: true }).extend({
  runId: runIdSchema,
  round: z.int().min(0),
  attempt: z.int().min(1),
  startMs: timeMs,
});
export type SiteRound = z.infer<typeof siteRoundSchema>;

/** The attempt that is being made, as of now. `serverNowMs` less a browser's own time is how wrong its clock is. */
export const progressSchema = z.strictObject({
  runId: runIdSchema,
  round: z.int().min(0),
  attempt: z.int().min(1),
  phase: phaseSchema,
  phaseStartMs: timeMs,
  /** Null where the phase waits for nobody. Sites that advance may be waited for longer. */
  deadlineMs: timeMs.nullable(),
  serverNowMs: timeMs,
  cohortSize: z.int().min(0),
  perSite: z.array(siteTrackSchema.omit({ spans: true })),
});
export type Progress = z.infer<typeof progressSchema>;
