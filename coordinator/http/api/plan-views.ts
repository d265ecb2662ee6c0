/** What people are shown of plans. */
import { z } from 'zod';
import { planHashSchema, runIdSchema, siteIdSchema } from '../../../shared/ids.ts';
import { planSchema } from '../../../shared/protocol/plan.ts';
import { PROTECTION_MODES } from '../../../shared/protocol/protection.ts';
import { decisionSchema } from './site-views.ts';

export const planListItemSchema = z.strictObject({
  planHash: planHashSchema,
  name: z.string(),
  addedAt: z.iso.datetime(),
  /** Null for a plan of another version of the protocol, which can be read but not run. */
  rounds: z.int().min(1).nullable(),
  minimumCohort: z.int().min(1).nullable(),
  protection: z.enum(PROTECTION_MODES).nullable(),
  /** Runs of it, whatever became of them. */
  runs: z.int().min(0),
  /** Active sites that have approved it, as far as they tell. */
  approvals: z.int().min(0),
  activeSites: z.int().min(0),
});
export type PlanListItem = z.infer<typeof planListItemSchema>;
export const planListSchema = z.strictObject({ plans: z.array(planListItemSchema) });

export const checkedPlanSchema = z.strictObject({
  planHash: planHashSchema,
  plan: planSchema,
  /** What a site reads before it approves; one sentence each. */
  summary: z.array(z.string()),
});
export type CheckedPlan = z.infer<typeof checkedPlanSchema>;

export const planDetailSchema = checkedPlanSchema.extend({
  addedAt: z.iso.datetime(),
  /** As YAML, to begin another version with. */
  text: z.string(),
  runs: z.array(runIdSchema),
  /** Of active sites. */
  sites: z.array(z.strictObject({ siteId: siteIdSchema, decision: decisionSchema })),
  /** No run has used it: it can be removed. */
  isRemovable: z.boolean(),
});
export type PlanDetail = z.infer<typeof planDetailSchema>;

export const planDifferenceSchema = z.strictObject({
  /** One sentence for each field that is not the same; none for the same plan. */
  differences: z.array(z.string()),
});
export type PlanDifference = z.infer<typeof planDifferenceSchema>;
