/** What the site's page is answered in the place of what was asked for: a status, a code for programs, a sentence for people. */
import type { ErrorRequestHandler } from 'express';
import { ConsiliumError, messageOf } from '../../shared/errors.ts';

/** An expected refusal. */
export class PageRefusal extends ConsiliumError {
  readonly code = 'REFUSED';
  readonly status: number;
  readonly wireCode: string;

  constructor(status: number, wireCode: string, message: string) {
    super(message);
    this.status = status;
    this.wireCode = wireCode;
  }
}

/** What Express says of a body that it cannot read. */
function statusOf(error: unknown): number | undefined {
  const status = typeof error === 'object' && error !== null && 'status' in error ? error.status : undefined;
  return typeof status === 'number' && status >= 400 && status < 500 ? status : undefined;
}

/** Express tells an error handler by its four parameters. */
export const refusalHandler: ErrorRequestHandler = (error: unknown, _request, response, next) => {
  if (response.headersSent) {
    next(error);
    return;
  }
  const answer = (status: number, code: string, message: string): void => {
    response.status(status).json({ code, message });
  };
  const status = statusOf(error);
  if (error instanceof PageRefusal) answer(error.status, error.wireCode, error.message);
  // Errors of this program are written for the people of this very machine.
  else if (error instanceof ConsiliumError) answer(409, 'conflict', error.message);
  else if (status !== undefined) answer(status, 'malformed', 'the request cannot be read');
  else answer(500, 'internal', `the agent failed: ${messageOf(error)}`);
};
