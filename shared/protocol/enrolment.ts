/**
 * How a site joins: the administrator hands over an invitation, a text that holds where the coordinator is, the
 * fingerprint of its key and a word that works once. The site makes its key itself and sends the public half, signed
 * with it. Nothing that is sent here is worth anything without the administrator's approval of the fingerprint.
 */
import { z } from 'zod';
import { siteIdSchema } from '../ids.ts';
import { InputError } from '../errors.ts';
import type { Statement } from './signatures.ts';

/** Where the coordinator takes requests to join, below its URL. */
export const ENROL_PATH = '/api/enroll';

const MAX_URL_CHARS = 2000;
const keySchema = z.string().regex(/^[0-9a-f]{64}$/);
const tokenSchema = z.string().regex(/^[A-Za-z0-9_-]{43}$/);

export const invitationSchema = z.strictObject({
  url: z.url({ protocol: /^https?$/ }).max(MAX_URL_CHARS),
  siteId: siteIdSchema,
  /** `fingerprintOf` the coordinator's key. */
  fingerprint: z.string().regex(/^(?:[0-9a-f]{4} ){7}[0-9a-f]{4}$/),
  token: tokenSchema,
});
export type Invitation = z.infer<typeof invitationSchema>;

export const enrolRequestSchema = z.strictObject({
  siteId: siteIdSchema,
  token: tokenSchema,
  /** Ed25519. */
  publicKey: keySchema,
  signature: z.string().regex(/^[0-9a-f]{128}$/),
});
export type EnrolRequest = z.infer<typeof enrolRequestSchema>;

export const enrolAnswerSchema = z.strictObject({
  federationId: z.string().min(1).max(200),
  /** Ed25519; the site compares its fingerprint with the invitation's. */
  coordinatorKey: keySchema,
});
export type EnrolAnswer = z.infer<typeof enrolAnswerSchema>;

/** What the site signs with the key that it asks to be known by. */
export function enrolStatement({ siteId, token, publicKey }: Omit<EnrolRequest, 'signature'>): Statement {
  return { purpose: 'enrol', fields: { siteId, token, publicKey } };
}

const PREFIX = 'consilium-invitation:';
const MAX_CODE_CHARS = 4 * MAX_URL_CHARS;

/** One word that survives being copied. */
export function writeInvitation(invitation: Invitation): string {
  return PREFIX + Buffer.from(JSON.stringify(invitation)).toString('base64url');
}

/** @throws InputError for a text that is no complete invitation. */
export function readInvitation(code: string): Invitation {
  const text = code.trim();
  if (text.startsWith(PREFIX) && text.length <= MAX_CODE_CHARS) {
    try {
      const json: unknown = JSON.parse(Buffer.from(text.slice(PREFIX.length), 'base64url').toString('utf8'));
      return invitationSchema.parse(json);
    } catch {
      // Said below, without the code: it is a secret until it has been used.
    }
  }
  throw new InputError(
    `this is no complete invitation: copy all of it, from "${PREFIX}" to its end, or ask the consortium's administrator for a new one`,
  );
}
