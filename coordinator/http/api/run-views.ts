/** What people are shown of runs: the queue, and one run in all its parts. */
import { z } from 'zod';
import { modelHashSchema, planHashSchema, runIdSchema, siteIdSchema } from '../../../shared/ids.ts';
import { PROTECTION_MODES } from '../../../shared/protocol/protection.ts';
import { dropReasonSchema } from '../../../shared/protocol/reasons.ts';
import { RUN_STATUSES } from '../../storage/tables.ts';
import { metricsSchema } from '../../storage/stored-evaluation.ts';
import { byteCount, phaseSchema, timeMs } from '../../storage/attempt-track.ts';

export const runSchema = z.strictObject({
  runId: runIdSchema,
  planHash: planHashSchema,
  status: z.enum(RUN_STATUSES),
  /** Of a failed run. */
  failure: z.string().nullable(),
  addedAt: z.iso.datetime(),
  /** That it is for; null: all. */
  sites: z.array(siteIdSchema).nullable(),
});
export type RunView = z.infer<typeof runSchema>;

export const runListItemSchema = runSchema.extend({
  /** Of its status. */
  changedAt: z.iso.datetime(),
  planName: z.string(),
  /** Published rounds. */
  roundsDone: z.int().min(0),
  /** That the plan asks for; null for a plan of another version of the protocol. */
  rounds: z.int().min(1).nullable(),
  /** 1 for the next that begins; null for a run that is not queued. */
  queuePosition: z.int().min(1).nullable(),
  bestScore: z.number().nullable(),
});
export type RunListItem = z.infer<typeof runListItemSchema>;
export const runListSchema = z.strictObject({ runs: z.array(runListItemSchema) });

/** One point of the curves: a published round. */
export const roundPointSchema = z.strictObject({
  round: z.int().min(1),
  attempt: z.int().min(1),
  publishedAt: z.iso.datetime().nullable(),
  modelHash: modelHashSchema,
  /** Area under the ROC curve on the coordinator's images, by which models are chosen; null where there are none. */
  score: z.number().nullable(),
  /** On the coordinator's images. */
  loss: z.number().nullable(),
  /** Of the sites' training; null where it is not known. */
  trainingLoss: z.number().nullable(),
  metrics: metricsSchema,
  survivors: z.int().min(0),
  dropped: z.int().min(0),
  bytesUp: byteCount.nullable(),
  bytesDown: byteCount.nullable(),
  /** From the beginning of its first attempt to its publication; null where it was not written down. */
  seconds: z.number().min(0).nullable(),
  isBest: z.boolean(),
});
export type RoundPoint = z.infer<typeof roundPointSchema>;
export const roundListSchema = z.strictObject({ rounds: z.array(roundPointSchema) });

/** An attempt, to choose one whose timeline is shown. */
export const attemptItemSchema = z.strictObject({
  round: z.int().min(0),
  attempt: z.int().min(1),
  outcome: z.enum(['published', 'counted', 'aborted', 'running']),
  /** Of an aborted one. */
  reason: z.string().nullable(),
  startMs: timeMs.nullable(),
  endMs: timeMs.nullable(),
  hasTimeline: z.boolean(),
});
export const attemptListSchema = z.strictObject({ attempts: z.array(attemptItemSchema) });
export type AttemptItem = z.infer<typeof attemptItemSchema>;

export const runSiteSchema = z.strictObject({
  siteId: siteIdSchema,
  /** Published rounds that its update is in. */
  roundsIn: z.int().min(0),
  /** Attempts that it was invited to. */
  attempts: z.int().min(0),
  bytesUp: byteCount,
  bytesDown: byteCount,
  /** In which the coordinator waited for it, all attempts together. */
  seconds: z.number().min(0),
  drops: z.array(
    z.strictObject({
      round: z.int().min(0),
      attempt: z.int().min(1),
      phase: phaseSchema.nullable(),
      reason: dropReasonSchema,
    }),
  ),
});
export type RunSite = z.infer<typeof runSiteSchema>;
export const runSiteListSchema = z.strictObject({ sites: z.array(runSiteSchema) });

export const privacySchema = z.strictObject({
  mode: z.enum(PROTECTION_MODES),
  isSecureAggregation: z.boolean(),
  minimumCohort: z.int().min(1),
  minimumSurvivors: z.int().min(1),
  /** Secure aggregation: so many sites have to agree before anything is unmasked, in the smallest cohort. */
  threshold: z.int().min(1).nullable(),
  ringBits: z.int().nullable(),
  clipL2Norm: z.number().nullable(),
  /** Differential privacy; null: the plan asks for none. */
  epsilon: z.number().nullable(),
  delta: z.number().nullable(),
  /** In words, one sentence each. */
  summary: z.array(z.string()),
});
export type PrivacyView = z.infer<typeof privacySchema>;

export const runEventSchema = z.strictObject({
  /** Rises within the run. */
  sequence: z.int().min(1),
  at: z.iso.datetime(),
  severity: z.enum(['info', 'warning', 'error']),
  round: z.int().min(0).nullable(),
  attempt: z.int().min(1).nullable(),
  siteId: siteIdSchema.nullable(),
  /** One sentence. */
  text: z.string(),
});
export type RunEvent = z.infer<typeof runEventSchema>;
export const runEventListSchema = z.strictObject({
  /** Newest first. */
  events: z.array(runEventSchema),
  /** `before` of the next page; null: that was the last one. */
  next: z.int().min(1).nullable(),
  total: z.int().min(0),
});

/** Images of each class at each site. */
export const partitionSchema = z.strictObject({
  /** Null where no site of the run discloses exact numbers. */
  partition: z
    .strictObject({
      classNames: z.array(z.string()),
      sites: z.array(z.strictObject({ siteId: siteIdSchema, images: z.array(z.int().min(0)) })),
      /** Sites of the run that do not disclose theirs. */
      unknown: z.array(siteIdSchema),
    })
    .nullable(),
});
export type PartitionView = z.infer<typeof partitionSchema>;
