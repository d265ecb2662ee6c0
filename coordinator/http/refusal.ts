/** What the coordinator answers in the place of what was asked for: a status, a code for programs, a sentence for people. */
import type { ErrorRequestHandler, Response } from 'express';
import { z } from 'zod';
import { ConsiliumError, InputError } from '../../shared/errors.ts';

export const refusalSchema = z.strictObject({
  code: z.string().regex(/^[a-z-]+$/),
  message: z.string(),
});
export type RefusalBody = z.infer<typeof refusalSchema>;

/** An expected refusal. Its message is safe to be sent. */
export class HttpRefusal extends ConsiliumError {
  readonly code = 'REFUSED';
  readonly status: number;
  readonly wireCode: string;

  constructor(status: number, wireCode: string, message: string) {
    super(message);
    this.status = status;
    this.wireCode = wireCode;
  }
}

const notFound = (what: string): HttpRefusal => new HttpRefusal(404, 'not-found', `there is no ${what}`);

/** @throws HttpRefusal when there is no such thing */
export function found<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw notFound(what);
  return value;
}

function sendRefusal(response: Response, status: number, body: RefusalBody): void {
  response.status(status).json(body);
}

/** What Express says of a body or a path that it cannot read; anything else is our own fault. */
function statusOf(error: unknown): number {
  const status = typeof error === 'object' && error !== null && 'status' in error ? error.status : undefined;
  return typeof status === 'number' && status >= 400 && status < 500 ? status : 500;
}

/** Express tells an error handler by its four parameters. */
export function failureHandler(onError: (error: unknown) => void): ErrorRequestHandler {
  return (error: unknown, _request, response, next) => {
    if (response.headersSent) {
      next(error);
      return;
    }
    if (error instanceof HttpRefusal) {
      sendRefusal(response, error.status, { code: error.wireCode, message: error.message });
      return;
    }
    // An act that makes no sense as things are; its message says why.
    if (error instanceof InputError) {
      sendRefusal(response, 409, { code: 'conflict', message: error.message });
      return;
    }
    const status = statusOf(error);
    if (status >= 500) onError(error);
    const code = status >= 500 ? 'internal' : status === 413 ? 'too-large' : 'malformed';
    sendRefusal(response, status, { code, message: 'the request cannot be answered' });
  };
}
