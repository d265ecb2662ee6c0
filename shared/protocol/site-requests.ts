/** What an enrolled site asks its coordinator for outside a round: the roster and the plans that there are. */
import { z } from 'zod';
import type { Clock } from '../clock.ts';
import { signStatement, verifyStatement } from '../crypto/statement.ts';
import type { Identity } from '../crypto/identity.ts';
import { siteIdSchema, type SiteId } from '../ids.ts';
import { hexOf } from './hex.ts';
import { planSchema } from './plan.ts';
import { signedRosterSchema } from './roster.ts';

export const FEDERATION_PATH = '/api/federation';

export const federationRequestSchema = z.strictObject({
  siteId: siteIdSchema,
  /** When it was signed: milliseconds since the Unix epoch. */
  atMs: z.int().min(0),
  signature: hexOf(64),
});
export type FederationRequest = z.infer<typeof federationRequestSchema>;

/** A longer answer is not read. */
export const MAX_FEDERATION_ANSWER_BYTES = 16 * 1024 * 1024;
/** What a coordinator may offer, so that no site is kept from all plans by one too many. */
export const MAX_OFFERED_PLANS = 1000;
/** As JSON; what is left of the answer is for the roster. */
export const MAX_OFFERED_PLAN_BYTES = MAX_FEDERATION_ANSWER_BYTES - 1024 * 1024;

export const federationAnswerSchema = z.strictObject({
  roster: signedRosterSchema,
  plans: z.array(planSchema).max(MAX_OFFERED_PLANS),
});
export type FederationAnswer = z.infer<typeof federationAnswerSchema>;

/** A recorded request can be repeated within this time; it gives what the site may read anyway. */
const FRESH_MS = 5 * 60_000;

const fieldsOf = (siteId: SiteId, atMs: number, federationId: string): object => ({
  siteId,
  atMs,
  federationId,
});

/** Whether a request was signed a short time ago. */
export function isFresh({ atMs }: { readonly atMs: number }, clock: Pick<Clock, 'nowMs'>): boolean {
  return Math.abs(clock.nowMs() - atMs) <= FRESH_MS;
}

export function signFederationRequest(
  identity: Identity,
  siteId: SiteId,
  federationId: string,
  clock: Pick<Clock, 'nowMs'>,
): FederationRequest {
  const atMs = clock.nowMs();
  const signature = signStatement(identity, 'ask-federation', fieldsOf(siteId, atMs, federationId));
  return { siteId, atMs, signature };
}

/** Whether the site has signed this a short time ago. */
export function isFreshRequest(
  { siteId, atMs, signature }: FederationRequest,
  publicKey: Uint8Array,
  federationId: string,
  clock: Pick<Clock, 'nowMs'>,
): boolean {
  if (!isFresh({ atMs }, clock)) return false;
  return verifyStatement(publicKey, {
    purpose: 'ask-federation',
    fields: fieldsOf(siteId, atMs, federationId),
    signature,
  });
}
