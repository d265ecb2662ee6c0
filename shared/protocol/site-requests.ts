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

export const federationAnswerSchema = z.strictObject({
  roster: signedRosterSchema,
  plans: z.array(planSchema).max(1000),
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
