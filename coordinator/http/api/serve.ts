/**
 * Serves the routes of the API: who asks is known before a body is read; what changes something has to come from the
 * coordinator's own pages (or from no page), and to show the session's CSRF token.
 */
import { timingSafeEqual } from 'node:crypto';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import express, { type Express, type Request, type RequestHandler, type Response } from 'express';
import type { z } from 'zod';
import type { Session } from '../../storage/user-store.ts';
import { HttpRefusal } from '../refusal.ts';
import type { SessionCookie } from '../session-cookie.ts';
import { ACCESS, isAllowed } from './access.ts';
import type { Caller, Problem, Reply, Route } from './route.ts';

export interface ApiSettings {
  readonly cookie: SessionCookie;
  /** Of the coordinator's own pages. */
  readonly origin: string;
  sessionOf(token: string): Promise<Session | undefined>;
  /** A request that may have changed something has been answered. */
  changed(): void;
  /** For the log: whose request it is. */
  known(response: Response, session: Session): void;
}

export const CSRF_HEADER = 'x-csrf-token';

interface Admitted {
  readonly session: Session | undefined;
  readonly token: string | undefined;
}

export function serveRoute(app: Express, route: Route, settings: ApiSettings): void {
  const readBody = express.json({ limit: route.maxBodyBytes, strict: true });
  const handle: RequestHandler = async (request, response) => {
    const admitted = await admit(route, request, settings);
    if (admitted.session) settings.known(response, admitted.session);
    const body = await bodyOf(request, response, readBody);
    const raw = { params: { ...request.params }, query: request.query, body };
    const caller: Caller = {
      ...admitted,
      address: request.ip ?? 'unknown',
      setSession: (token) => {
        settings.cookie.write(response, token);
      },
    };
    await send(response, await route.serve(raw, caller, problemOf));
    if (route.method !== 'get') settings.changed();
  };
  app[route.method](route.path, handle);
}

/** Whether the caller may use the route at all. @throws HttpRefusal */
async function admit(route: Route, request: Request, settings: ApiSettings): Promise<Admitted> {
  const changes = route.method !== 'get';
  const { origin } = request.headers;
  if (changes && origin !== undefined && origin !== settings.origin)
    throw new HttpRefusal(403, 'wrong-origin', 'requests from other pages are refused');
  const access = ACCESS[route.operation];
  if (access === 'anyone') return { session: undefined, token: undefined };
  const token = settings.cookie.read(request);
  const session = token === undefined ? undefined : await settings.sessionOf(token);
  if (!session) throw new HttpRefusal(401, 'not-logged-in', 'log in first');
  if (changes && !isSame(request.get(CSRF_HEADER), session.csrfToken))
    throw new HttpRefusal(403, 'csrf', `the header ${CSRF_HEADER} does not hold the token of the session`);
  if (!isAllowed(access, session.role))
    throw new HttpRefusal(403, 'not-allowed', `your role is ${session.role}, which may not do this`);
  return { session, token };
}

function isSame(given: string | undefined, expected: string): boolean {
  const [a, b] = [Buffer.from(given ?? ''), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}

function bodyOf(request: Request, response: Response, read: RequestHandler): Promise<unknown> {
  return new Promise((resolve, reject) => {
    // What Express hands on is an Error of its own, with a status.
    const next = (error?: unknown): void => {
      if (error === undefined) resolve(request.body);
      else
        reject(error instanceof Error ? error : new HttpRefusal(400, 'malformed', 'the body cannot be read'));
    };
    void read(request, response, next);
  });
}

const MAX_NAMED_FIELDS = 5;
const MAX_FIELD_CHARS = 60;

/** Names the fields that are wrong, which are the caller's own words: cut short, and never the values. */
function problemOf(part: Problem, error: z.ZodError): HttpRefusal {
  const fields = error.issues
    .slice(0, MAX_NAMED_FIELDS)
    .map(({ path, code }) => `${path.map(String).join('.').slice(0, MAX_FIELD_CHARS) || part} (${code})`);
  return new HttpRefusal(
    400,
    'malformed',
    `the ${part} of the request is not as described: ${fields.join(', ')}`,
  );
}

async function send(response: Response, reply: Reply): Promise<void> {
  // What an administrator sees is for nobody's cache.
  response.setHeader('cache-control', 'no-store');
  switch (reply.kind) {
    case 'json':
      response.status(reply.status).json(reply.body);
      return;
    case 'empty':
      response.status(204).end();
      return;
    case 'file': {
      const { file } = reply;
      response.attachment(file.name).type(reply.mediaType);
      if ('chunks' in file) {
        // Whoever stops reading in the middle has stopped reading.
        await pipeline(Readable.from(file.chunks), response).catch(() => undefined);
        return;
      }
      const { bytes } = file;
      response.send(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    }
  }
}
