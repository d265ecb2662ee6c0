/** A site's question for the model file that a plan starts from; the answer is the bytes of the file. */
import { z } from 'zod';
import type { Clock } from '../clock.ts';
import type { Identity } from '../crypto/identity.ts';
import { signStatement, verifyStatement } from '../crypto/statement.ts';
import { siteIdSchema } from '../ids.ts';
import { hexOf } from './hex.ts';
import { isFresh } from './site-requests.ts';

export const INITIAL_MODEL_PATH = '/api/initial-model';

export const modelRequestSchema = z.strictObject({
  siteId: siteIdSchema,
  /** By which a plan names the file. */
  sha512: hexOf(64),
  /** When it was signed: milliseconds since the Unix epoch. */
  atMs: z.int().min(0),
  signature: hexOf(64),
});
export type ModelRequest = z.infer<typeof modelRequestSchema>;

export type ModelQuestion = Pick<ModelRequest, 'siteId' | 'sha512'>;

const fieldsOf = (
  { siteId, sha512, atMs }: Omit<ModelRequest, 'signature'>,
  federationId: string,
): object => ({
  ...{ siteId, sha512, atMs, federationId },
});

export function signModelRequest(
  identity: Identity,
  question: ModelQuestion,
  federationId: string,
  clock: Pick<Clock, 'nowMs'>,
): ModelRequest {
  const unsigned = { ...question, atMs: clock.nowMs() };
  return { ...unsigned, signature: signStatement(identity, 'ask-model', fieldsOf(unsigned, federationId)) };
}

/** Whether the site has signed this a short time ago. */
export function isFreshModelRequest(
  request: ModelRequest,
  publicKey: Uint8Array,
  federationId: string,
  clock: Pick<Clock, 'nowMs'>,
): boolean {
  const { signature } = request;
  const fields = fieldsOf(request, federationId);
  return isFresh(request, clock) && verifyStatement(publicKey, { purpose: 'ask-model', fields, signature });
}
