/** Damaged requests to every route that the coordinator describes, by people who are logged in and by strangers. */
import { Agent, request as httpRequest } from 'node:http';
import { stringify } from 'yaml';
import { z } from 'zod';
import type { Role } from '../../coordinator/storage/tables.ts';
import type { Rng } from '../../shared/rng.ts';
import type { ApiWorld } from '../coordinator/http/api-world.ts';
import { contextOf, planOf } from '../coordinator/fixtures.ts';
import { damagedJsonText, damagedText } from './mutate.ts';

export interface Target {
  readonly method: string;
  /** `{name}` for a parameter. */
  readonly path: string;
}

const documentSchema = z.looseObject({ paths: z.record(z.string(), z.record(z.string(), z.unknown())) });

/** From the coordinator's own description, so that no route is forgotten. */
export async function targetsOf(world: ApiWorld): Promise<readonly Target[]> {
  const { paths } = documentSchema.parse((await world.ask('GET', '/api/openapi.json')).body);
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => ({ method: method.toUpperCase(), path })),
  );
}

const HASH = '0'.repeat(128);
const PARAMETERS: Readonly<Record<string, string>> = {
  siteId: 'north',
  runId: 'first',
  planHash: HASH,
  round: '1',
  user: 'the-auditor',
  other: HASH,
  invitation: '0'.repeat(32),
  session: '0'.repeat(32),
  attempt: '1',
  which: 'best',
};

const plan = planOf();
/** What belongs there, by the end of the path. */
const BODIES: readonly (readonly [end: string, body: unknown])[] = [
  ['/login', { name: 'the-auditor', password: 'x' }],
  ['/password', { present: 'x', next: 'a long enough password' }],
  ['/invitations', { siteId: 'north', hours: 1 }],
  ['/status', { status: 'active' }],
  ['/plans', { text: stringify(plan) }],
  ['/check', { text: stringify({ ...plan, parameterCount: undefined }) }],
  ['/wishes', { wish: 'pause' }],
  ['/runs', { runId: 'first', planHash: HASH, sites: ['north'] }],
  ['/users', { name: 'someone', role: 'auditor', password: 'a long enough password' }],
  ['/users/{user}', { role: 'auditor' }],
  ['/enroll', { siteId: 'north', token: 'A'.repeat(43), publicKey: 'a'.repeat(64), signature: HASH }],
  ['/position', { before: null }],
  ['/models/current', { runId: 'first', round: 1 }],
  [
    '/site-about',
    {
      ...{ siteId: 'north', atMs: 1, signature: HASH },
      about: {
        program: { version: '1', engine: 'onnx', device: 'cpu' },
        counts: {
          images: { low: 1, high: 9 },
          patients: { low: 1, high: 9 },
          classes: [{ name: 'a', images: 3 }],
        },
        approvedPlans: [HASH],
      },
    },
  ],
  ['/federation', { siteId: 'north', atMs: 1, signature: HASH }],
];
const bodyOf = (path: string): unknown =>
  BODIES.find(([end]) => path.endsWith(end))?.[1] ?? {
    context: contextOf(plan),
    siteId: 'north',
    signature: HASH,
  };

const SEGMENTS = [
  '..',
  '%2e%2e',
  '%2e%2e%2f%2e%2e%2fetc%2fpasswd',
  '%00',
  '%ff',
  '%',
  '.',
  '',
  '__proto__',
  'a'.repeat(3000),
];
const QUERIES = [
  '',
  '?after=1',
  '?limit=1e9',
  '?limit[]=1',
  '?__proto__[admin]=1',
  '?after=-1&after=2',
  `?${'a=1&'.repeat(900)}`,
  '?%',
  '?a=first:1&b=first:0',
  '?text=%25&act=login&from=2026-01-01T00:00:00.000Z',
  '?before=0&limit=0',
];
const TYPES = [
  'application/json',
  'application/json; charset=utf-16',
  'text/plain',
  'multipart/form-data',
  '',
];

/** As UTF-8 has it. */
const wellFormed = (text: string): string => Buffer.from(text).toString();

export interface Attempt {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

export interface FuzzPerson {
  readonly role: Role;
  readonly cookie: string;
  readonly csrfToken: string;
}

export function attemptOf(target: Target, people: readonly FuzzPerson[], rng: Rng): Attempt {
  // Half of them by the administrator, who may do most.
  const who = rng.integer(2) === 0 ? 0 : rng.integer(people.length + 1);
  const person = people[who];
  const segment = (_: string, name: string): string =>
    rng.integer(3) === 0
      ? (SEGMENTS[rng.integer(SEGMENTS.length)] ?? '')
      : rng.integer(6) === 0
        ? encodeURIComponent(wellFormed(damagedText(PARAMETERS[name] ?? 'x', rng)))
        : (PARAMETERS[name] ?? 'x');
  const path = target.path.replaceAll(/\{(\w+)\}/g, segment);
  const query = rng.integer(3) === 0 ? (QUERIES[rng.integer(QUERIES.length)] ?? '') : '';
  const method =
    rng.integer(12) === 0 ? (['PUT', 'PATCH', 'OPTIONS', 'HEAD'][rng.integer(4)] ?? 'GET') : target.method;
  const hasBody = !['GET', 'HEAD'].includes(method) && rng.integer(10) > 0;
  const body = hasBody ? wellFormed(damagedJsonText(bodyOf(target.path), rng)) : undefined;
  const type = rng.integer(6) === 0 ? (TYPES[rng.integer(TYPES.length)] ?? '') : 'application/json';
  return {
    ...{ method, path: path + query, body },
    headers: {
      // Each from an address of its own, so that it is not the limit of rates that answers.
      'x-forwarded-for': `2001:db8:${rng.integer(0x1_0000).toString(16)}:${rng.integer(0x1_0000).toString(16)}::1`,
      ...(body !== undefined && { 'content-type': type, 'content-length': String(Buffer.byteLength(body)) }),
      ...(person && { cookie: person.cookie }),
      ...(person && rng.integer(10) > 0 && { 'x-csrf-token': person.csrfToken }),
    },
  };
}

export interface RawAnswer {
  readonly status: number;
  readonly text: string;
}

export class RawClient {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 4 });
  readonly #port: number;

  constructor(port: number) {
    this.#port = port;
  }

  send({ method, path, headers, body }: Attempt): Promise<RawAnswer> {
    return new Promise((resolve, reject) => {
      const request = httpRequest(
        { host: '127.0.0.1', port: this.#port, agent: this.#agent, method, path, headers },
        (response) => {
          const parts: Buffer[] = [];
          response.on('data', (part: Buffer) => parts.push(part));
          response.on('error', reject);
          response.on('end', () => {
            resolve({ status: response.statusCode ?? 0, text: Buffer.concat(parts).toString('latin1') });
          });
        },
      );
      request.on('error', reject);
      request.end(body);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}

const refusal = z.strictObject({ code: z.string(), message: z.string().max(2000) });
const INSIDES = /node_modules|\.ts:\d|\.js:\d|\n\s+at |SQLITE|\/coordinator\//;

/** What an answer must not be. */
export function faultOfAnswer({ status, text }: RawAnswer, method: string): string | undefined {
  if (status >= 500) return `status ${String(status)}: ${text}`;
  if (status < 400) return undefined;
  if (INSIDES.test(text)) return `tells of its insides: ${text}`;
  if (method === 'HEAD' || text === '') return undefined;
  try {
    return refusal.safeParse(JSON.parse(text)).success ? undefined : `no code and message: ${text}`;
  } catch {
    return `no JSON: ${text.slice(0, 200)}`;
  }
}
