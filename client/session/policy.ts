/** What a hospital has decided before any message arrives. */
import { z } from 'zod';
import { planHashSchema } from '../../shared/ids.ts';

export const sitePolicySchema = z.strictObject({
  /** The plans that this site has approved, by hash. Nothing else is ever trained. */
  approvedPlans: z.array(planHashSchema),
  /** The site takes no part in a smaller cohort: the fewer sites, the more an average says about each. */
  minimumCohort: z.int().min(1).default(5),
});
export type SitePolicy = z.infer<typeof sitePolicySchema>;
