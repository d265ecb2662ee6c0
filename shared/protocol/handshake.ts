/**
 * How a site opens its one connection. The challenge is the connection's own id, which the coordinator draws at random
 * and both ends know before anything else is said; the site signs it together with the federation, its name and the
 * protocol version. A recorded answer is therefore worth nothing on another connection.
 */
import { z } from 'zod';
import { siteIdSchema, type SiteId } from '../ids.ts';
import type { Statement } from './signatures.ts';

/** Where the coordinator listens for sites. */
export const SITE_PATH = '/sites';

export const handshakeSchema = z.strictObject({
  protocolVersion: z.int().min(1).max(1_000_000),
  siteId: siteIdSchema,
  signature: z.string().regex(/^[0-9a-f]{128}$/),
});
export type Handshake = z.infer<typeof handshakeSchema>;

export const handshakeRefusalSchema = z.enum([
  'malformed',
  /** The two ends speak different versions; `data.expected` is the coordinator's. */
  'protocol-version',
  /** Not in the roster, or suspended. */
  'unknown-site',
  'bad-signature',
]);
export type HandshakeRefusal = z.infer<typeof handshakeRefusalSchema>;

/** What the coordinator says with a refusal. */
export const refusalDataSchema = z.object({
  reason: handshakeRefusalSchema,
  expected: z.int().optional(),
});

export interface ConnectClaim {
  /** Names the federation, so that no other coordinator can use the answer. */
  readonly federationId: string;
  readonly siteId: SiteId;
  readonly challenge: string;
}

export function connectStatement({ federationId, siteId, challenge }: ConnectClaim): Statement {
  return { purpose: 'connect', fields: { federationId, siteId, challenge } };
}
