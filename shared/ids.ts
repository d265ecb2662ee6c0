/** Branded identifiers: strings that only parsing can make, so that a site's name is never taken for a run's. */
import { z } from 'zod';

/** Lower-case letters, digits and inner hyphens, at most 63 characters: also a valid DNS label and file name. */
const nameSchema = z
  .string()
  .regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/, 'use 1 to 63 of a–z, 0–9 and inner hyphens');

/** 128 lower-case hexadecimal digits: a SHA-512 digest. */
const digestSchema = z.string().regex(/^[0-9a-f]{128}$/, 'expected 128 lower-case hexadecimal digits');

export const siteIdSchema = nameSchema.brand<'SiteId'>();
export type SiteId = z.infer<typeof siteIdSchema>;

export const runIdSchema = nameSchema.brand<'RunId'>();
export type RunId = z.infer<typeof runIdSchema>;

/** SHA-512 of a plan's canonical encoding. */
export const planHashSchema = digestSchema.brand<'PlanHash'>();
export type PlanHash = z.infer<typeof planHashSchema>;

/** `weightsDigest` of a global model. */
export const modelHashSchema = digestSchema.brand<'ModelHash'>();
export type ModelHash = z.infer<typeof modelHashSchema>;
