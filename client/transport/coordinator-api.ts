/** The few requests that a site makes outside its connection: joining, and asking for roster and plans. */
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { z } from 'zod';
import type { Clock } from '../../shared/clock.ts';
import { fromHex, toHex } from '../../shared/crypto/bytes.ts';
import { fingerprintOf } from '../../shared/crypto/fingerprint.ts';
import type { Identity } from '../../shared/crypto/identity.ts';
import { signStatement } from '../../shared/crypto/statement.ts';
import { InputError, messageOf } from '../../shared/errors.ts';
import {
  ENROL_PATH,
  enrolAnswerSchema,
  enrolStatement,
  type EnrolAnswer,
  type Invitation,
} from '../../shared/protocol/enrolment.ts';
import { openRoster } from '../../shared/protocol/roster.ts';
import {
  FEDERATION_PATH,
  federationAnswerSchema,
  signFederationRequest,
  type FederationAnswer,
} from '../../shared/protocol/site-requests.ts';
import type { SiteConfig } from '../config.ts';

export interface Reach {
  readonly url: string;
  /** PEM of the authorities that are trusted instead of the system's. */
  readonly ca?: string | undefined;
}

const TIMEOUT_MS = 30_000;
/** A thousand plans of ordinary size. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;
const problemSchema = z.looseObject({ message: z.string().max(1000) });

/** @throws InputError in words for the site's administrator */
export async function enrol(reach: Reach, invitation: Invitation, identity: Identity): Promise<EnrolAnswer> {
  const { siteId, token, fingerprint } = invitation;
  const unsigned = { siteId, token, publicKey: toHex(identity.publicKey) };
  const { purpose, fields } = enrolStatement(unsigned);
  const body = { ...unsigned, signature: signStatement(identity, purpose, fields) };
  const answer = await post(reach, ENROL_PATH, body, enrolAnswerSchema);
  if (fingerprintOf(fromHex(answer.coordinatorKey)) !== fingerprint)
    throw new InputError(
      `what answers at ${reach.url} does not have the key of the invitation: do not go on, and tell the consortium's administrator`,
    );
  return answer;
}

/** @throws InputError when the coordinator does not answer, or its roster is not signed with its key */
export async function askFederation(
  reach: Reach,
  { siteId, coordinator }: Pick<SiteConfig, 'siteId' | 'coordinator'>,
  identity: Identity,
  clock: Pick<Clock, 'nowMs'>,
): Promise<FederationAnswer> {
  const body = signFederationRequest(identity, siteId, coordinator.federationId, clock);
  const answer = await post(reach, FEDERATION_PATH, body, federationAnswerSchema);
  if (!openRoster(fromHex(coordinator.key), answer.roster))
    throw new InputError('the roster that was sent is not signed with the key of this federation');
  return answer;
}

async function post<T>(reach: Reach, path: string, body: object, schema: z.ZodType<T>): Promise<T> {
  const { status, text } = await send(reach, path, JSON.stringify(body)).catch((error: unknown) => {
    throw new InputError(`the coordinator at ${reach.url} cannot be reached: ${messageOf(error)}`, {
      cause: error,
    });
  });
  const json = parseJson(text);
  if (status >= 300) {
    const problem = problemSchema.safeParse(json);
    const said = problem.success ? problem.data.message : `it answered ${String(status)}`;
    throw new InputError(`the coordinator at ${reach.url} refuses: ${said}`);
  }
  const parsed = schema.safeParse(json);
  if (!parsed.success)
    throw new InputError(
      `what answers at ${reach.url} is no coordinator of this version: bring both to the same release`,
    );
  return parsed.data;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function send({ url, ca }: Reach, path: string, body: string): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const target = new URL(path, url);
    const request = target.protocol === 'https:' ? requestHttps : requestHttp;
    const headers = { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) };
    const options = { method: 'POST', headers, timeout: TIMEOUT_MS, ...(ca !== undefined && { ca }) };
    const sent = request(target, options, (response) => {
      const chunks: Buffer[] = [];
      let length = 0;
      response.on('data', (chunk: Buffer) => {
        length += chunk.length;
        if (length > MAX_ANSWER_BYTES) sent.destroy(new Error('the answer is too long'));
        else chunks.push(chunk);
      });
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') });
      });
      response.on('error', reject);
    });
    sent.on('timeout', () => {
      sent.destroy(new Error(`no answer within ${String(TIMEOUT_MS / 1000)} s`));
    });
    sent.on('error', reject);
    sent.end(body);
  });
}
