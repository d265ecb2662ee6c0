/**
 * The local prediction service: HTTP on the loopback address, the same answers as the command line. Images are neither
 * stored nor logged. It has no login, so it must be reachable from this machine alone: it binds to 127.0.0.1, takes
 * requests only under that name (against DNS rebinding), and demands a content type that a foreign web page cannot send
 * without asking first, which is never allowed.
 */
import { createServer, type Server } from 'node:http';
import express, { type ErrorRequestHandler, type Express, type Request, type Response } from 'express';
import { z } from 'zod';
import { ConsiliumError, DataError, InputError, messageOf } from '../../shared/errors.ts';
import { decodeImage } from '../../shared/data/image-file.ts';
import type { Classifier } from '../../shared/learning/inference/classifier.ts';
import { answer, answerRecord, DISCLAIMER, modelSummary } from './answers.ts';
import { LARGEST_BODY_BYTES, openApiDocument, querySchema, type ServiceQuery } from './service-contract.ts';

export const LOOPBACK = '127.0.0.1';

/** Requests that may wait while one is worked on. */
const MOST_WAITING = 16;

/** A refusal that the client sees: a status, a code for programs, a text for people. */
class Refusal extends ConsiliumError {
  readonly code: string;
  readonly status: number;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** Runs one job after the other: an engine does one thing at a time anyway, and memory stays bounded. */
function oneAtATime(): <T>(job: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  let waiting = 0;
  return async (job) => {
    if (waiting > MOST_WAITING) throw new Refusal(503, 'BUSY', 'Too many requests are waiting; try again.');
    waiting++;
    const mine = last.then(job, job);
    last = mine.catch(() => undefined);
    try {
      return await mine;
    } finally {
      waiting--;
    }
  };
}

export interface ServiceOptions {
  readonly classifier: Classifier;
  readonly version: string;
  /** Used where a request does not say otherwise. */
  readonly defaults: { readonly augment: number; readonly abstain: number };
}

export function createService({ classifier, version, defaults }: ServiceOptions): Express {
  const app = express();
  const summary = modelSummary(classifier);
  const { classNames } = summary;
  const queue = oneAtATime();
  app.disable('x-powered-by');
  app.disable('etag');
  app.use((request, response, next) => {
    response.set({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
    requireLocalHost(request);
    next();
  });
  app.get('/health', (_request, response) => {
    response.json({ status: 'ok' });
  });
  app.get('/model', (_request, response) => {
    response.json({ ...summary, disclaimer: DISCLAIMER });
  });
  app.get('/openapi.json', (_request, response) => {
    response.json(openApiDocument(summary, version));
  });
  app.post(
    '/predict',
    (request, _response, next) => {
      requireImageType(request);
      requireSmallBody(request);
      next();
    },
    express.raw({ type: () => true, limit: LARGEST_BODY_BYTES }),
    async (request: Request, response: Response) => {
      const query = queryOf(request, defaults);
      const body = z.instanceof(Uint8Array).safeParse(request.body);
      if (!body.success) throw new Refusal(400, 'NO_BODY', 'The request has no body; send an image file.');
      response.json(await queue(() => predict(body.data, query)));
    },
  );
  app.use((request) => {
    throw new Refusal(404, 'NOT_FOUND', `There is no ${request.method} ${request.path}; see /openapi.json.`);
  });
  app.use(sendError);

  async function predict(bytes: Uint8Array, query: ServiceQuery): Promise<object> {
    const item = await answer(
      classifier,
      { name: 'image', load: () => decodeImage(bytes, 'image') },
      {
        ...{ augmentedCopies: query.augment, abstainBelow: query.abstain },
        ...(query.heatmap && { heatmap: query.heatmap }),
      },
    );
    if (item.kind === 'refused') throw new Refusal(422, 'NO_IMAGE', item.reason);
    const heatmap = item.heatmap && Buffer.from(item.heatmap).toString('base64');
    return {
      ...answerRecord(item, classNames, heatmap),
      weightsDigest: summary.weightsDigest,
      disclaimer: DISCLAIMER,
    };
  }
  return app;
}

function requireLocalHost(request: Request): void {
  const name = (request.headers.host ?? '').replace(/:\d+$/, '');
  if (name !== LOOPBACK && name !== 'localhost')
    throw new Refusal(403, 'HOST', `This service answers only to ${LOOPBACK} and localhost.`);
}

function requireImageType(request: Request): void {
  const type = (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
  if (!/^image\/[\w.+-]+$/.test(type) && type !== 'application/octet-stream')
    throw new Refusal(
      415,
      'CONTENT_TYPE',
      'Send the image file itself as the body, with content-type image/png, image/jpeg or application/octet-stream.',
    );
}

/** Refused by what it says of itself: waiting for the end of such a body would tie the connection up. */
function requireSmallBody(request: Request): void {
  if (Number(request.headers['content-length'] ?? 0) > LARGEST_BODY_BYTES) throw tooLarge();
}

const tooLarge = (): Refusal =>
  new Refusal(413, 'TOO_LARGE', `At most ${String(LARGEST_BODY_BYTES)} bytes are taken.`);

function queryOf(request: Request, defaults: ServiceOptions['defaults']): ServiceQuery {
  const { augment, abstain } = defaults;
  const given: object = request.query;
  const parsed = querySchema.safeParse({ augment: String(augment), abstain: String(abstain), ...given });
  if (parsed.success) return parsed.data;
  throw new Refusal(400, 'PARAMETER', z.prettifyError(parsed.error));
}

/** What body-parser throws for a body that is too large or cut off. */
const httpErrorSchema = z.object({ status: z.int().min(400).max(499), type: z.string() });

const sendError: ErrorRequestHandler = (error: unknown, _request, response, next) => {
  if (response.headersSent) {
    next(error);
    return;
  }
  const { status, code, message } = refusalOf(error);
  // What is left of the body is not read.
  if (status === 413) response.set('connection', 'close');
  response.status(status).json({ error: { code, message } });
};

function refusalOf(error: unknown): { status: number; code: string; message: string } {
  if (error instanceof Refusal) return error;
  if (error instanceof DataError) return { status: 422, code: 'NO_IMAGE', message: error.message };
  const http = httpErrorSchema.safeParse(error);
  if (http.success && http.data.status === 413) return tooLarge();
  if (http.success) return { status: http.data.status, code: 'REQUEST', message: http.data.type };
  if (error instanceof URIError)
    return { status: 400, code: 'REQUEST', message: 'The address is malformed.' };
  // Anything else is this program's fault; its text may say what is on this machine.
  return { status: 500, code: 'INTERNAL', message: 'The image could not be classified.' };
}

export interface RunningService {
  /** "http://127.0.0.1:8080" */
  readonly url: string;
  /** Resolves when every connection is closed. */
  close(): Promise<void>;
}

/** Slow senders are cut off: a request must be complete after so long. */
const REQUEST_TIMEOUT_MS = 60_000;

/** @param port 0: any free one @throws InputError when the port is taken */
export async function listen(app: Express, port: number): Promise<RunningService> {
  const server: Server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS, maxHeaderSize: 16_384 }, app);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => {
      reject(
        new InputError(
          `port ${String(port)} cannot be opened (${messageOf(cause)}); choose another with --serve`,
          {
            cause,
          },
        ),
      );
    });
    server.listen(port, LOOPBACK, resolve);
  });
  const address = server.address();
  const actual = typeof address === 'object' && address !== null ? address.port : port;
  return {
    url: `http://${LOOPBACK}:${String(actual)}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}
