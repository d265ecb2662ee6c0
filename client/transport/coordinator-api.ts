/** The few requests that a site makes outside its connection: joining, and asking for roster and plans. */
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { TLSSocket } from 'node:tls';
import { z } from 'zod';
import { systemClock, type Clock } from '../../shared/clock.ts';
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
  MAX_FEDERATION_ANSWER_BYTES,
  signFederationRequest,
  type FederationAnswer,
} from '../../shared/protocol/site-requests.ts';
import type { InitialModel } from '../../shared/protocol/initial-model.ts';
import { INITIAL_MODEL_PATH, signModelRequest } from '../../shared/protocol/model-request.ts';
import { signSiteAbout, SITE_ABOUT_PATH, type SiteAbout } from '../../shared/protocol/site-about.ts';
import type { SiteConfig } from '../config.ts';
import { certificateFault, certificateWords } from './certificate-words.ts';
import { requireSafeUrl } from './coordinator-url.ts';
import { proxyFor } from './proxy.ts';

export interface Reach {
  readonly url: string;
  /** PEM of the authorities that are trusted instead of the system's. */
  readonly ca?: string | undefined;
  /** Breaks the request off. */
  readonly signal?: AbortSignal | undefined;
  /** For the deadline. Default: the system's. */
  readonly clock?: Pick<Clock, 'schedule'>;
}

/** Without a byte. */
const TIMEOUT_MS = 30_000;
/** For all of an answer, however slowly it comes; more for a long one, at 50 bytes a millisecond. */
const DEADLINE_MS = 60_000;
const SLOWEST_BYTES_PER_MS = 50;
/** A thousand plans of ordinary size. */
/** What a refusal is at most as long as. */
const MAX_PROBLEM_BYTES = 16 * 1024;
const problemSchema = z.looseObject({ message: z.string().max(1000) });

/** @throws InputError in words for the site's administrator */
export async function enrol(reach: Reach, invitation: Invitation, identity: Identity): Promise<EnrolAnswer> {
  const { siteId, token, fingerprint } = invitation;
  requireSafeUrl(reach.url);
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

/** The bytes that a plan's initial model is said to be; whoever keeps them checks the digest. @throws InputError */
export async function fetchInitialModel(
  reach: Reach,
  { siteId, coordinator }: Pick<SiteConfig, 'siteId' | 'coordinator'>,
  identity: Identity,
  {
    model,
    clock,
    signal,
  }: {
    readonly model: InitialModel;
    readonly clock: Pick<Clock, 'nowMs'>;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<Uint8Array> {
  const body = signModelRequest(identity, { siteId, sha512: model.sha512 }, coordinator.federationId, clock);
  const limit = Math.max(model.byteLength, MAX_PROBLEM_BYTES);
  const { status, bytes } = await reached({ ...reach, signal }, INITIAL_MODEL_PATH, body, limit);
  requireSuccess(reach, status, () => parseJson(bytes.toString('utf8')));
  return new Uint8Array(bytes);
}

/** @throws InputError when the coordinator does not take it */
export async function tellAbout(
  reach: Reach,
  { siteId, coordinator }: Pick<SiteConfig, 'siteId' | 'coordinator'>,
  identity: Identity,
  { about, clock }: { readonly about: SiteAbout; readonly clock: Pick<Clock, 'nowMs'> },
): Promise<void> {
  const told = { federationId: coordinator.federationId, about, atMs: Math.round(clock.nowMs()) };
  const body = signSiteAbout(identity, siteId, told);
  const { status, bytes } = await reached(reach, SITE_ABOUT_PATH, body, MAX_PROBLEM_BYTES);
  requireSuccess(reach, status, () => parseJson(bytes.toString('utf8')));
}

async function post<T>(reach: Reach, path: string, body: object, schema: z.ZodType<T>): Promise<T> {
  const { status, bytes } = await reached(reach, path, body, MAX_FEDERATION_ANSWER_BYTES);
  const json = parseJson(bytes.toString('utf8'));
  requireSuccess(reach, status, () => json);
  const parsed = schema.safeParse(json);
  if (!parsed.success)
    throw new InputError(
      `what answers at ${reach.url} is no coordinator of this version: bring both to the same release`,
    );
  return parsed.data;
}

interface Answered {
  readonly status: number;
  readonly bytes: Buffer;
  readonly date: string | undefined;
  readonly certificateEnds: string | undefined;
}

function reached(reach: Reach, path: string, body: object, limit: number): Promise<Answered> {
  return send(reach, path, JSON.stringify(body), limit).catch(async (error: unknown) => {
    const fault = certificateFault(error);
    const said =
      fault === undefined || proxyFor(reach.url)
        ? messageOf(error)
        : await certificateWords(fault, reach.url, reach.clock);
    throw new InputError(`the coordinator at ${reach.url} cannot be reached: ${said}`, { cause: error });
  });
}

/** @throws InputError with what the coordinator says against the request */
function requireSuccess(reach: Reach, status: number, json: () => unknown): void {
  if (status < 300) return;
  const problem = problemSchema.safeParse(json());
  const said = problem.success ? problem.data.message : `it answered ${String(status)}`;
  throw new InputError(`the coordinator at ${reach.url} refuses: ${said}`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export interface HealthAnswer {
  readonly status: number;
  /** By the coordinator's clock, to the second; undefined when it does not say. */
  readonly nowMs: number | undefined;
  /** Of its certificate; undefined without TLS. */
  readonly certificateEndsMs: number | undefined;
}

const HEALTH_PATH = '/healthz';

/** Whether a coordinator answers. Rejects with what the network says. */
export async function askHealth(reach: Reach): Promise<HealthAnswer> {
  const { status, date, certificateEnds } = await send(reach, HEALTH_PATH, undefined, MAX_PROBLEM_BYTES);
  return { status, nowMs: timeOf(date), certificateEndsMs: timeOf(certificateEnds) };
}

function timeOf(text: string | undefined): number | undefined {
  const ms = Date.parse(text ?? '');
  return Number.isNaN(ms) ? undefined : ms;
}

/** Without a body it asks, with one it posts. */
function send(reach: Reach, path: string, body: string | undefined, limit: number): Promise<Answered> {
  const { url, ca, signal, clock = systemClock } = reach;
  let cancel: () => void = () => undefined;
  return new Promise<Answered>((resolve, reject) => {
    const target = new URL(path, url);
    const request = target.protocol === 'https:' ? requestHttps : requestHttp;
    const type = body === undefined ? {} : { 'content-type': 'application/json' };
    const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
    const route = proxyFor(target.href);
    const options = {
      ...{
        method: body === undefined ? 'GET' : 'POST',
        headers: { ...type, ...length },
        timeout: TIMEOUT_MS,
      },
      ...(ca !== undefined && { ca }),
      ...(signal && { signal }),
      ...(route && { agent: route.agent }),
    };
    const sent = request(target, options, (response) => {
      const refusal = route?.refusal();
      if (refusal !== undefined) {
        reject(new Error(refusal));
        sent.destroy();
        return;
      }
      const { socket, headers, statusCode = 0 } = response;
      // Asked now: a connection that has ended knows no certificate.
      const certificateEnds = socket instanceof TLSSocket ? socket.getPeerCertificate().valid_to : undefined;
      const head = { status: statusCode, date: headers.date, certificateEnds };
      const chunks: Buffer[] = [];
      let received = 0;
      response.on('data', (chunk: Buffer) => {
        received += chunk.length;
        if (received <= limit) {
          chunks.push(chunk);
          return;
        }
        reject(new Error('the answer is too long'));
        sent.destroy();
      });
      response.on('end', () => {
        resolve({ ...head, bytes: Buffer.concat(chunks) });
      });
      response.on('error', reject);
    });
    const deadlineMs = DEADLINE_MS + limit / SLOWEST_BYTES_PER_MS;
    cancel = clock.schedule(deadlineMs, () => {
      const late = new Error(`no whole answer within ${String(Math.round(deadlineMs / 1000))} s`);
      reject(late);
      sent.destroy(late);
    });
    sent.on('timeout', () => {
      sent.destroy(new Error(`no answer within ${String(TIMEOUT_MS / 1000)} s`));
    });
    sent.on('error', reject);
    sent.end(body);
  }).finally(() => {
    cancel();
  });
}
