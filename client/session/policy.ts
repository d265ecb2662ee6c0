/** What a hospital has decided before any message arrives. */
import { z } from 'zod';
import { planHashSchema } from '../../shared/ids.ts';

export const sitePolicySchema = z.strictObject({
  /** The plans that this site has approved, by hash. Nothing else is ever trained. */
  approvedPlans: z.array(planHashSchema),
  /** The site takes no part in a smaller cohort: the fewer sites, the more an average says about each. */
  minimumCohort: z.int().min(1).default(5),
  /** Secure aggregation with three or four sites: somebody here knows that their sum says much about each. */
  smallCohortAcknowledged: z.boolean().optional(),
  /** Secure aggregation: fewer shares may not unmask anything of this site. Absent: more than half of the cohort. */
  minimumThreshold: z.int().min(2).optional(),
  /** `hashRoster` of the roster that was accepted here; absent: of whatever roster the agent is given. */
  rosterHash: z
    .string()
    .regex(/^[0-9a-f]{128}$/, 'expected 128 lower-case hexadecimal digits')
    .optional(),
  /** A plan holds only when two people have approved it (`second-person.ts`). Absent: one is enough. */
  twoPersonApproval: z.boolean().optional(),
  /** How the ledger counts the images that were trained on. Absent: by their order of magnitude. */
  ledgerCounts: z.enum(['exact', 'span', 'none']).optional(),
  /**
   * How many images and patients there are, as the coordinator's people are told; 'exact' with the images of each class.
   * Absent: by their order of magnitude.
   */
  disclosedCounts: z.enum(['exact', 'span', 'none']).optional(),
  /** Whether they are told which plans are approved or refused here. Absent: yes. */
  disclosesDecisions: z.boolean().optional(),
  /** Whether they are told the version of the program, its engine and the processor. Absent: yes. */
  disclosesProgram: z.boolean().optional(),
});
export type SitePolicy = z.infer<typeof sitePolicySchema>;
