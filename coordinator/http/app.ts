/**
 * The coordinator's HTTP side: a site's request to join, its questions for plans and roster, and whether the
 * coordinator is well. Every body is bounded and parsed strictly; an answer holds a code and a sentence, never a stack.
 */
import express, { type Express, type RequestHandler, type Response } from 'express';
import { rateLimit } from 'express-rate-limit';
import helmet from 'helmet';
import type { z } from 'zod';
import { toHex } from '../../shared/crypto/bytes.ts';
import type { Clock } from '../../shared/clock.ts';
import { ENROL_PATH, enrolRequestSchema, type EnrolAnswer } from '../../shared/protocol/enrolment.ts';
import { INITIAL_MODEL_PATH } from '../../shared/protocol/model-request.ts';
import { MAX_SITE_ABOUT_BYTES, SITE_ABOUT_PATH } from '../../shared/protocol/site-about.ts';
import { signRoster } from '../../shared/protocol/roster.ts';
import {
  FEDERATION_PATH,
  federationRequestSchema,
  isFreshRequest,
  type FederationAnswer,
} from '../../shared/protocol/site-requests.ts';
import { randomToken } from '../../shared/crypto/random.ts';
import type { CoordinatorFolder, Secrets } from '../config.ts';
import type { PageBundle } from '../../shared/page-bundle.ts';
import type { CoordinatorMetrics } from '../metrics.ts';
import type { RequestReport } from '../reports.ts';
import { describeApi } from './api/openapi.ts';
import { apiRoutes } from './api/routes.ts';
import { serveRoute } from './api/serve.ts';
import type { ApiServices } from './api/services.ts';
import { serveConsole } from './console-files.ts';
import { mayReadMetrics } from './metrics-access.ts';
import { DESCRIPTION_PATH, HEALTH_PATH, METRICS_PATH, OTHER_ROUTES, READY_PATH } from './other-routes.ts';
import { failureHandler } from './refusal.ts';
import { sessionCookie } from './session-cookie.ts';
import { serveInitialModel } from './initial-model.ts';
import { takeSiteAbout } from './site-about.ts';
import type { RunStore } from '../storage/run-store.ts';
import type { EnrolRefusal, SiteRegistry } from '../storage/site-registry.ts';

export interface AppOptions {
  readonly folder: Pick<CoordinatorFolder, 'identity' | 'federationId' | 'models' | 'config'>;
  readonly registry: SiteRegistry;
  readonly runs: RunStore;
  readonly clock: Clock;
  readonly api: ApiServices;
  readonly metrics: CoordinatorMetrics;
  readonly secrets: Secrets;
  readonly answered: (report: RequestReport) => void;
  /** The console; absent: none is shown. */
  readonly console?: () => Promise<PageBundle>;
  /** A site has asked to join, or told something of itself. */
  readonly sitesChanged: () => void;
  /** Whether sites can be served: false while it starts or ends. */
  readonly isReady: () => boolean;
  /** What went wrong inside, for the log. */
  readonly onError: (error: unknown) => void;
}

const MAX_BODY_BYTES = 16 * 1024;
/** Of one address in a minute. */
const REQUESTS_PER_MINUTE = 120;
const JOINS_PER_MINUTE = 10;
/** A console that is open asks often. */
const API_REQUESTS_PER_MINUTE = 1200;
/** A console has a few dozen files. */
const PAGE_REQUESTS_PER_MINUTE = 600;

const REFUSALS: Readonly<Record<EnrolRefusal, readonly [status: number, message: string]>> = {
  'invitation-invalid': [403, 'this invitation is unknown, used or expired: ask for a new one'],
  'bad-signature': [403, 'the request is not signed with the key that it names'],
  'already-enrolled': [409, 'a site of this name or with this key is enrolled already'],
};

const limited = (limit: number): RequestHandler =>
  rateLimit({
    windowMs: 60_000,
    limit,
    standardHeaders: 'draft-7',
    legacyHeaders: false,
    // A forged header is ignored, see `trust proxy`; there is nothing to warn of.
    validate: { xForwardedForHeader: false },
    message: { code: 'too-many-requests', message: 'too many requests: wait a minute' },
  });

export function createApp(options: AppOptions): Express {
  const { folder, registry } = options;
  const app = express();
  app.disable('x-powered-by');
  // The address of the caller is the proxy's word where there is one, and nobody's word where there is none.
  app.set('trust proxy', folder.config.behindTlsProxy ? 1 : false);
  app.use(securityHeaders(folder.config.url));
  app.use(observed(options));
  serveWatchers(app, options);
  serveApi(app, options);
  if (options.console) {
    const { console: bundle, onError } = options;
    const page = serveConsole({ bundle, url: folder.config.url, onError });
    app.use(limited(PAGE_REQUESTS_PER_MINUTE), page);
  }
  app.use(limited(REQUESTS_PER_MINUTE));
  app.post(
    SITE_ABOUT_PATH,
    express.json({ limit: MAX_SITE_ABOUT_BYTES, strict: true }),
    takeSiteAbout({ folder, registry, clock: options.clock, told: options.sitesChanged }),
  );
  app.use(express.json({ limit: MAX_BODY_BYTES, strict: true }));
  app.post(
    ENROL_PATH,
    limited(JOINS_PER_MINUTE),
    parsed(enrolRequestSchema, async (request, answer) => {
      const refusal = await registry.enrol(request);
      if (refusal !== undefined) {
        const [status, message] = REFUSALS[refusal];
        answer(status, { code: refusal, message });
        return;
      }
      const body: EnrolAnswer = {
        federationId: folder.federationId,
        coordinatorKey: toHex(folder.identity.publicKey),
      };
      answer(201, body);
      options.sitesChanged();
    }),
  );
  app.post(
    FEDERATION_PATH,
    parsed(federationRequestSchema, async (request, answer) => {
      const site = await registry.find(request.siteId);
      if (
        site?.status !== 'active' ||
        !isFreshRequest(request, site.publicKey, folder.federationId, options.clock)
      ) {
        answer(403, {
          code: 'not-authorised',
          message: 'this site is not active here, its key is another, or its clock is wrong',
        });
        return;
      }
      answer(200, await describeFederation(options));
    }),
  );
  app.post(INITIAL_MODEL_PATH, serveInitialModel(options));
  app.use((_request, response) => {
    response.status(404).json({ code: 'not-found', message: 'there is nothing here' });
  });
  app.use(
    failureHandler((error) => {
      options.onError(error);
    }),
  );
  return app;
}

/** What only makes sense where everything comes over TLS would keep browsers from a coordinator on loopback. */
function securityHeaders(url: string): RequestHandler {
  const isSecure = url.startsWith('https:');
  return helmet({
    strictTransportSecurity: isSecure,
    contentSecurityPolicy: { directives: isSecure ? {} : { upgradeInsecureRequests: null } },
  });
}

const users = new WeakMap<Response, string>();

/** Gives every request a name, and tells how it was answered. */
function observed({ clock, answered }: AppOptions): RequestHandler {
  return (request, response, next) => {
    const requestId = randomToken().slice(0, 16);
    const startMs = clock.elapsedMs();
    const address = request.ip ?? 'unknown';
    response.setHeader('x-request-id', requestId);
    response.once('close', () => {
      const user = users.get(response);
      answered({
        kind: 'request',
        ...{ requestId, address, method: request.method, route: patternOf(request.route) },
        status: response.statusCode,
        ms: Math.round(clock.elapsedMs() - startMs),
        ...(user !== undefined && { user }),
      });
    });
    next();
  };
}

/** The route that a request came to; what the caller wrote as path is not told. */
function patternOf(route: unknown): string {
  const path = typeof route === 'object' && route !== null && 'path' in route ? route.path : undefined;
  return typeof path === 'string' ? path : 'none';
}

function serveWatchers(app: Express, options: AppOptions): void {
  const { metrics, secrets, folder, isReady } = options;
  app.get(HEALTH_PATH, (_request, response) => {
    response.json({ status: 'ok' });
  });
  app.get(READY_PATH, (_request, response) => {
    response.status(isReady() ? 200 : 503).json({ status: isReady() ? 'ready' : 'not-ready' });
  });
  app.get(METRICS_PATH, limited(REQUESTS_PER_MINUTE), async (request, response) => {
    if (!mayReadMetrics(request, secrets.metricsToken, folder.config.behindTlsProxy)) {
      response
        .status(403)
        .json({ code: 'not-authorised', message: 'metrics are for this machine, or with a token' });
      return;
    }
    const text = await metrics.text();
    response.setHeader('content-type', metrics.mediaType);
    response.send(text);
  });
}

function serveApi(app: Express, { api, folder }: AppOptions): void {
  const { url } = folder.config;
  const cookie = sessionCookie(url);
  const routes = apiRoutes(api);
  const description = describeApi(routes, OTHER_ROUTES, cookie.name);
  app.get(DESCRIPTION_PATH, limited(REQUESTS_PER_MINUTE), (_request, response) => {
    response.json(description);
  });
  app.use('/api/v1', limited(API_REQUESTS_PER_MINUTE));
  const settings = {
    ...{ cookie, origin: new URL(url).origin },
    sessionOf: (token: string) => api.users.session(token),
    changed: api.changed,
    known: (response: Response, { user }: { user: string }) => {
      users.set(response, user);
    },
  };
  for (const route of routes) serveRoute(app, route, settings);
}

async function describeFederation({ folder, registry, runs }: AppOptions): Promise<FederationAnswer> {
  const active = (await registry.list()).filter(({ status }) => status === 'active');
  const roster = new Map(active.map(({ siteId, publicKey }) => [siteId, publicKey]));
  const plans = await runs.plans();
  return { roster: signRoster(folder.identity, roster), plans: plans.map(({ plan }) => plan) };
}

type Answer = (status: number, body: object) => void;

function parsed<T>(schema: z.ZodType<T>, handle: (body: T, answer: Answer) => Promise<void>): RequestHandler {
  return async (request, response) => {
    const body = schema.safeParse(request.body);
    if (!body.success) {
      response
        .status(400)
        .json({ code: 'malformed', message: 'the request does not have the form that is described' });
      return;
    }
    await handle(body.data, (status, answer) => {
      response.status(status).json(answer);
    });
  };
}
