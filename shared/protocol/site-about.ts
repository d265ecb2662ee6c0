/**
 * What a site tells of itself outside a round, as far as its policy discloses it: its program, how many images it has, and
 * which plans it has approved. Nothing depends on it but what people are shown; it is signed so that nobody else can say it.
 */
import { z } from 'zod';
import type { Clock } from '../clock.ts';
import type { Identity } from '../crypto/identity.ts';
import { signStatement, verifyStatement } from '../crypto/statement.ts';
import { planHashSchema, siteIdSchema, type SiteId } from '../ids.ts';
import { hexOf } from './hex.ts';
import { isFresh } from './site-requests.ts';

export const SITE_ABOUT_PATH = '/api/site-about';

/** The newest ones: nobody looks at more on a page. */
export const MAX_TOLD_PLANS = 200;
export const MAX_TOLD_CLASSES = 100;
/** Two lists of plans and one of classes with long names fit. */
export const MAX_SITE_ABOUT_BYTES = 128 * 1024;

const word = z.string().min(1).max(100);

export const siteProgramSchema = z.strictObject({
  version: word,
  /** What runs the graphs, as `onnx-cuda`. */
  engine: word,
  /** The processor that it runs on, as people know it. */
  device: word,
});
export type SiteProgram = z.infer<typeof siteProgramSchema>;

/** An exact number, or both ends of its order of magnitude. */
export const disclosedCountSchema = z.strictObject({
  low: z.int().min(0).max(1_000_000_000),
  high: z.int().min(0).max(1_000_000_000),
});
export type DisclosedCount = z.infer<typeof disclosedCountSchema>;

export const countsViewSchema = z.strictObject({
  images: disclosedCountSchema,
  patients: disclosedCountSchema,
  /** Only where the site tells exact numbers. */
  classes: z
    .array(z.strictObject({ name: z.string().min(1).max(200), images: z.int().min(0) }))
    .max(MAX_TOLD_CLASSES)
    .optional(),
});
export type SiteCounts = z.infer<typeof countsViewSchema>;

export const siteAboutSchema = z.strictObject({
  program: siteProgramSchema.optional(),
  counts: countsViewSchema.optional(),
  approvedPlans: z.array(planHashSchema).max(MAX_TOLD_PLANS).optional(),
  /** Somebody there has looked at them and does not want them. */
  refusedPlans: z.array(planHashSchema).max(MAX_TOLD_PLANS).optional(),
});
export type SiteAbout = z.infer<typeof siteAboutSchema>;

export const siteAboutRequestSchema = z.strictObject({
  siteId: siteIdSchema,
  /** When it was signed: milliseconds since the Unix epoch. An older one never takes the place of a newer one. */
  atMs: z.int().min(0),
  about: siteAboutSchema,
  signature: hexOf(64),
});
export type SiteAboutRequest = z.infer<typeof siteAboutRequestSchema>;

type Fields = Omit<SiteAboutRequest, 'signature'> & { readonly federationId: string };

export function signSiteAbout(
  identity: Identity,
  siteId: SiteId,
  told: { readonly federationId: string; readonly about: SiteAbout; readonly atMs: number },
): SiteAboutRequest {
  const { federationId, about, atMs } = told;
  const fields: Fields = { siteId, atMs, about, federationId };
  return { siteId, atMs, about, signature: signStatement(identity, 'site-about', fields) };
}

/** Whether the site has signed this a short time ago. */
export function isFreshAbout(
  { signature, ...rest }: SiteAboutRequest,
  publicKey: Uint8Array,
  federationId: string,
  clock: Pick<Clock, 'nowMs'>,
): boolean {
  if (!isFresh(rest, clock)) return false;
  const fields: Fields = { ...rest, federationId };
  return verifyStatement(publicKey, { purpose: 'site-about', fields, signature });
}
