/**
 * The HTTP side of the site's page. It listens on this machine only, and still trusts nobody there: the host of a request
 * has to be this machine's (a page of another site that points its name here would be let in otherwise: DNS rebinding),
 * everything but the page itself wants a session, and what changes something comes from the page and shows its token.
 */
import { parseCookie, stringifySetCookie } from 'cookie';
import express, { type Express, type Request, type RequestHandler, type Response } from 'express';
import { rateLimit } from 'express-rate-limit';
import helmet from 'helmet';
import { z } from 'zod';
import type { PageBundle, PageFile } from '../../shared/page-bundle.ts';
import { isCsrfToken, type PageAccess } from './links.ts';
import type { PageRoute } from './page-routes.ts';
import { PageRefusal, refusalHandler } from './refusal.ts';
import type { SessionView } from './views.ts';

export interface PageAppOptions {
  readonly access: PageAccess;
  readonly routes: readonly PageRoute[];
  /** Made when it is asked for first. */
  readonly bundle: () => Promise<PageBundle>;
  /** Known once the server listens. */
  readonly port: () => number;
  /** Ends the live connections of a session. */
  readonly ended: (cookie: string) => void;
}

const MAX_BODY_BYTES = 16 * 1024;
const MAX_COOKIE_CHARS = 8192;
/** Wrong words in a minute; a link has 256 bits. */
const TRIES_PER_MINUTE = 20;
const REQUESTS_PER_MINUTE = 1200;
export const CSRF_HEADER = 'x-csrf-token';
const TOKEN = /^[A-Za-z0-9_-]{43}$/;

/** Names of this machine, with the port: nothing else is answered. */
export const hostsOf = (port: number): readonly string[] =>
  ['127.0.0.1', 'localhost'].map((name) => `${name}:${String(port)}`);

/** Cookies do not know ports: several sites of one machine have one each. */
export const cookieNameOf = (port: number): string => `consilium-site-${String(port)}`;

export function cookieOf(
  { headers }: { headers: { cookie?: string | undefined } },
  port: number,
): string | undefined {
  const { cookie = '' } = headers;
  if (cookie.length > MAX_COOKIE_CHARS) return undefined;
  const value = parseCookie(cookie)[cookieNameOf(port)];
  return value !== undefined && TOKEN.test(value) ? value : undefined;
}

const limited = (limit: number, skipSuccessfulRequests = false): RequestHandler =>
  rateLimit({
    ...{ windowMs: 60_000, limit, skipSuccessfulRequests, standardHeaders: 'draft-7', legacyHeaders: false },
    validate: { xForwardedForHeader: false },
    message: { code: 'too-many-requests', message: 'too many requests: wait a minute' },
  });

export function createPageApp(options: PageAppOptions): Express {
  const { routes } = options;
  const app = express();
  app.disable('x-powered-by');
  app.use(hostChecked(options));
  app.use(securityHeaders());
  app.use('/api', limited(REQUESTS_PER_MINUTE), (_request, response, next) => {
    response.setHeader('cache-control', 'no-store');
    next();
  });
  const readBody = express.json({ limit: MAX_BODY_BYTES, strict: true });
  serveSession(app, readBody, options);
  for (const route of routes) app[route.method](route.path, answered(route, readBody, options));
  app.use('/api', () => {
    throw new PageRefusal(404, 'not-found', 'there is nothing here');
  });
  app.use(serveFiles(options));
  app.use(refusalHandler);
  return app;
}

function hostChecked({ port }: PageAppOptions): RequestHandler {
  return ({ headers }, _response, next) => {
    if (!hostsOf(port()).includes(headers.host ?? ''))
      throw new PageRefusal(421, 'wrong-host', 'this page is for this machine only: open the printed link');
    next();
  };
}

const securityHeaders = (): RequestHandler =>
  helmet({
    // Loopback has no TLS.
    strictTransportSecurity: false,
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        'default-src': ["'none'"],
        'script-src': ["'self'"],
        'style-src': ["'self'"],
        'img-src': ["'self'", 'blob:', 'data:'],
        'font-src': ["'self'"],
        'connect-src': ["'self'"],
        'base-uri': ["'none'"],
        'form-action': ["'none'"],
        'frame-ancestors': ["'none'"],
      },
    },
  });

const wordSchema = z.strictObject({ word: z.string().max(200) });

function serveSession(app: Express, readBody: RequestHandler, options: PageAppOptions): void {
  const { access, port, ended } = options;
  const write = (response: Response, value: string): void => {
    const maxAge = value === '' ? { maxAge: 0 } : {};
    const cookie = { name: cookieNameOf(port()), value, path: '/', httpOnly: true, ...maxAge } as const;
    response.append('set-cookie', stringifySetCookie({ ...cookie, sameSite: 'strict' }));
  };
  app.post(
    '/api/session',
    limited(TRIES_PER_MINUTE, true),
    sameOrigin(options),
    readBody,
    (request, response) => {
      const body = wordSchema.safeParse(request.body);
      const opened = body.success ? access.exchange(body.data.word) : undefined;
      if (!opened)
        throw new PageRefusal(
          403,
          'link-invalid',
          'this link is not valid (any more): links are made anew whenever the agent starts',
        );
      write(response, opened.cookie);
      response.json(opened.session);
    },
  );
  app.get('/api/session', (request, response) => {
    response.json(sessionOf(request, options));
  });
  app.post('/api/logout', sameOrigin(options), readBody, (request, response) => {
    const session = sessionOf(request, options);
    requireToken(request, session);
    const cookie = cookieOf(request, port()) ?? '';
    access.end(cookie);
    ended(cookie);
    write(response, '');
    response.status(204).end();
  });
}

/** @throws PageRefusal without one */
function sessionOf(request: Request, { access, port }: PageAppOptions): SessionView {
  const session = access.sessionOf(cookieOf(request, port()));
  if (!session) throw new PageRefusal(401, 'not-logged-in', 'open the link that the agent has printed');
  return session;
}

function requireToken(request: Request, session: SessionView): void {
  if (!isCsrfToken(request.get(CSRF_HEADER), session))
    throw new PageRefusal(403, 'csrf', `the header ${CSRF_HEADER} does not hold the token of the session`);
}

/** Browsers say where a request comes from; other programs need not. */
function sameOrigin({ port }: PageAppOptions): RequestHandler {
  return ({ headers }, _response, next) => {
    const { origin } = headers;
    if (origin !== undefined && !hostsOf(port()).some((host) => origin === `http://${host}`))
      throw new PageRefusal(403, 'wrong-origin', 'requests from other pages are refused');
    next();
  };
}

function answered(route: PageRoute, readBody: RequestHandler, options: PageAppOptions): RequestHandler[] {
  const admit: RequestHandler = (request, _response, next) => {
    const session = sessionOf(request, options);
    if (route.method !== 'get') requireToken(request, session);
    if (route.role === 'administrator' && session.role !== 'administrator')
      throw new PageRefusal(403, 'not-allowed', 'this link is for looking only');
    next();
  };
  const handle: RequestHandler = async (request, response) => {
    const session = sessionOf(request, options);
    // Express has a null prototype there, which the schema would not take for an object of ours.
    const raw = { params: { ...request.params }, query: { ...request.query }, session };
    const answer = await route.answer({
      ...raw,
      body: route.method === 'get' ? {} : (request.body as unknown),
    });
    if (!(answer instanceof Uint8Array)) {
      response.json(answer);
      return;
    }
    response.type('image/png').send(Buffer.from(answer));
  };
  return route.method === 'get' ? [admit, handle] : [sameOrigin(options), admit, readBody, handle];
}

/** The page itself holds nothing of the site, so that it needs no session; it is the same for every path. */
function serveFiles({ bundle }: PageAppOptions): RequestHandler {
  return async (request, response) => {
    if (request.method !== 'GET' && request.method !== 'HEAD')
      throw new PageRefusal(404, 'not-found', 'there is nothing here');
    const { files } = await bundle();
    const isAsset = request.path.startsWith('/assets/');
    const file = files.get(isAsset ? request.path : '/index.html');
    if (!file) throw new PageRefusal(404, 'not-found', 'there is nothing here');
    sendFile(request, response, file);
  };
}

function sendFile(request: Request, response: Response, file: PageFile): void {
  const { contentType, bytes, gzip, isImmutable } = file;
  response.setHeader('cache-control', isImmutable ? 'private, max-age=31536000, immutable' : 'no-store');
  response.setHeader('vary', 'accept-encoding');
  const isZipped = request.acceptsEncodings('gzip') === 'gzip';
  if (isZipped) response.setHeader('content-encoding', 'gzip');
  response.type(contentType).send(Buffer.from(isZipped ? gzip : bytes));
}
