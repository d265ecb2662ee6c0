/** What people are shown of published models, and of the one that is in use. */
import { z } from 'zod';
import { modelHashSchema, planHashSchema, runIdSchema, siteIdSchema } from '../../../shared/ids.ts';
import { metricsSchema } from '../../storage/stored-evaluation.ts';
import { evaluationSchema } from './metric-views.ts';

export const publishedModelSchema = z.strictObject({
  round: z.int().min(0),
  modelHash: modelHashSchema,
  /** On the coordinator's validation images, 0…1; null where there are none. */
  score: z.number().nullable(),
});

export const modelVersionSchema = publishedModelSchema.extend({
  runId: runIdSchema,
  publishedAt: z.iso.datetime(),
  planHash: planHashSchema,
  planName: z.string(),
  /** Of its run. */
  isBest: z.boolean(),
  /** The one in use. */
  isCurrent: z.boolean(),
});
export type ModelVersion = z.infer<typeof modelVersionSchema>;

export const modelVersionListSchema = z.strictObject({
  /** Newest first. */
  models: z.array(modelVersionSchema),
  /** `offset` of the next page; null: that was the last one. */
  next: z.int().min(1).nullable(),
  total: z.int().min(0),
});

/** Signed by the federation's key: `signStatement(…, 'model', …)` over all fields but the last two. */
export const provenanceSchema = z.strictObject({
  modelHash: modelHashSchema,
  runId: runIdSchema,
  round: z.int().min(0),
  planHash: planHashSchema,
  /** Of the model that the round began with; null for the first one. */
  parentHash: modelHashSchema.nullable(),
  federationId: z.string(),
  publishedAt: z.iso.datetime(),
  /** Sites whose updates have gone into it, over all rounds. */
  sites: z.array(siteIdSchema),
  /** 128 hexadecimal digits. */
  signature: z.string(),
  /** Of the key that signed. */
  fingerprint: z.string(),
});
export type Provenance = z.infer<typeof provenanceSchema>;

export const modelDetailSchema = z.strictObject({
  model: modelVersionSchema,
  provenance: provenanceSchema,
  parameterCount: z.int().min(1),
  /** `missing`: it is not there, or is not what its digest says. */
  file: z.strictObject({ bytes: z.int().min(0), state: z.enum(['whole', 'missing']) }),
  metrics: metricsSchema,
  evaluation: evaluationSchema.nullable(),
  /** Markdown. */
  card: z.string(),
});
export type ModelDetail = z.infer<typeof modelDetailSchema>;

export const modelComparisonSchema = z.strictObject({
  a: modelVersionSchema,
  b: modelVersionSchema,
  /** By name; a value of b less that of a; null where one of them has none. */
  metrics: z.array(
    z.strictObject({
      name: z.string(),
      a: z.number().nullable(),
      b: z.number().nullable(),
      difference: z.number().nullable(),
      isLossMetric: z.boolean(),
    }),
  ),
  /** Of their plans, one sentence each; none where it is the same. */
  planDifferences: z.array(z.string()),
});
export type ModelComparison = z.infer<typeof modelComparisonSchema>;

export const promotionSchema = z.strictObject({
  sequence: z.int().min(1),
  at: z.iso.datetime(),
  actor: z.string(),
  act: z.enum(['promoted', 'rolled-back']),
  runId: runIdSchema,
  round: z.int().min(0),
  modelHash: modelHashSchema,
});
export type Promotion = z.infer<typeof promotionSchema>;

export const currentModelSchema = z.strictObject({
  /** Null: none has been promoted. */
  current: modelVersionSchema.nullable(),
  /** What a roll-back would make current; null: there is none before. */
  previous: modelVersionSchema.nullable(),
  /** Newest first, 100 at most. */
  history: z.array(promotionSchema),
});
export type CurrentModel = z.infer<typeof currentModelSchema>;
