/**
 * The coordinator's HTTP side: a site's request to join, its questions for plans and roster, and whether the
 * coordinator is well. Every body is bounded and parsed strictly; an answer holds a code and a sentence, never a stack.
 */
import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express';
import { rateLimit } from 'express-rate-limit';
import helmet from 'helmet';
import type { z } from 'zod';
import { toHex } from '../../shared/crypto/bytes.ts';
import type { Clock } from '../../shared/clock.ts';
import { ENROL_PATH, enrolRequestSchema, type EnrolAnswer } from '../../shared/protocol/enrolment.ts';
import { signRoster } from '../../shared/protocol/roster.ts';
import {
  FEDERATION_PATH,
  federationRequestSchema,
  isFreshRequest,
  type FederationAnswer,
} from '../../shared/protocol/site-requests.ts';
import type { CoordinatorFolder } from '../config.ts';
import type { RunStore } from '../storage/run-store.ts';
import type { EnrolRefusal, SiteRegistry } from '../storage/site-registry.ts';

export interface AppOptions {
  readonly folder: Pick<CoordinatorFolder, 'identity' | 'federationId'>;
  readonly registry: SiteRegistry;
  readonly runs: RunStore;
  readonly clock: Pick<Clock, 'nowMs'>;
  /** Whether sites can be served: false while it starts or ends. */
  isReady(): boolean;
  /** What went wrong inside, for the log. */
  onError(error: unknown): void;
}

const MAX_BODY_BYTES = 16 * 1024;
/** Of one address in a minute. */
const REQUESTS_PER_MINUTE = 120;
const JOINS_PER_MINUTE = 10;

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
    message: { code: 'too-many-requests', message: 'too many requests: wait a minute' },
  });

export function createApp(options: AppOptions): Express {
  const { folder, registry } = options;
  const app = express();
  app.disable('x-powered-by');
  app.use(helmet());
  app.get('/healthz', (_request, response) => {
    response.json({ status: 'ok' });
  });
  app.get('/readyz', (_request, response) => {
    response
      .status(options.isReady() ? 200 : 503)
      .json({ status: options.isReady() ? 'ready' : 'not-ready' });
  });
  app.use(limited(REQUESTS_PER_MINUTE));
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
  app.use((_request, response) => {
    response.status(404).json({ code: 'not-found', message: 'there is nothing here' });
  });
  app.use(
    failure((error) => {
      options.onError(error);
    }),
  );
  return app;
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

/** Express tells an error handler by its four parameters. */
function failure(onError: (error: unknown) => void): ErrorRequestHandler {
  return (error: unknown, _request, response, next) => {
    if (response.headersSent) {
      next(error);
      return;
    }
    const status = statusOf(error);
    if (status >= 500) onError(error);
    const code = status >= 500 ? 'internal' : status === 413 ? 'too-large' : 'malformed';
    response.status(status).json({ code, message: 'the request cannot be answered' });
  };
}

/** What Express says of a body that it cannot read; anything else is our own fault. */
function statusOf(error: unknown): number {
  const status = typeof error === 'object' && error !== null && 'status' in error ? error.status : undefined;
  return typeof status === 'number' && status >= 400 && status < 500 ? status : 500;
}
