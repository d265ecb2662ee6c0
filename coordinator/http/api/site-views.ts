/** What people are shown of sites and of invitations that nobody has used yet. */
import { z } from 'zod';
import { planHashSchema, runIdSchema, siteIdSchema } from '../../../shared/ids.ts';
import { countsViewSchema, siteProgramSchema } from '../../../shared/protocol/site-about.ts';
import { siteRoundSchema } from './round-views.ts';

export const SITE_STATUSES = ['pending', 'active', 'suspended', 'removed'] as const;

/** What a site has decided about a plan, as far as it tells. */
export const decisionSchema = z.enum([
  'approved',
  /** It has declined a round of this plan because nobody there has approved it. */
  'refused',
  /** It was told of the plan and has said nothing, or does not tell. */
  'open',
]);
export type Decision = z.infer<typeof decisionSchema>;

export const siteSchema = z.strictObject({
  siteId: siteIdSchema,
  status: z.enum(SITE_STATUSES),
  /** To be compared with the one that the site shows before it is approved. */
  fingerprint: z.string(),
  enrolledAt: z.iso.datetime(),
  /** Of its status. */
  changedAt: z.iso.datetime(),
  isConnected: z.boolean(),
  /** When it connected or spoke last; null: never. */
  lastContactAt: z.iso.datetime().nullable(),
  /** As the site tells; null: it does not. */
  program: siteProgramSchema.nullable(),
  /** As its policy discloses it; null: nothing. */
  counts: countsViewSchema.nullable(),
  /** When it told the two last. */
  toldAt: z.iso.datetime().nullable(),
  /** The run whose rounds it takes part in now. */
  runId: runIdSchema.nullable(),
});
export type SiteView = z.infer<typeof siteSchema>;

export const siteListSchema = z.strictObject({ sites: z.array(siteSchema) });

export const siteDetailSchema = z.strictObject({
  site: siteSchema,
  /** Its last rounds, newest first, 100 at most. */
  rounds: z.array(siteRoundSchema),
  plans: z.array(z.strictObject({ planHash: planHashSchema, name: z.string(), decision: decisionSchema })),
});
export type SiteDetail = z.infer<typeof siteDetailSchema>;

/** Names an invitation without being one. */
export const invitationIdSchema = z.string().regex(/^[0-9a-f]{32}$/);

export const invitationSchema = z.strictObject({
  id: invitationIdSchema,
  siteId: siteIdSchema,
  /** Null for one that was made before this was written down. */
  createdAt: z.iso.datetime().nullable(),
  expiresAt: z.iso.datetime(),
  isExpired: z.boolean(),
});
export type InvitationView = z.infer<typeof invitationSchema>;
export const invitationListSchema = z.strictObject({ invitations: z.array(invitationSchema) });
