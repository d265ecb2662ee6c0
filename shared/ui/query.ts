/**
 * Asking our own server: the cookie goes along, what changes something shows the session's token, and every failure is
 * told in words that say what to do. The server checks each answer against the schema that its type is inferred from.
 */
import { ConsiliumError } from '../errors.ts';

/** A path with the type of what is answered there. */
export type Path<Answer> = string & { readonly answerType?: Answer };

export type Changing = 'post' | 'put' | 'delete';

/** The server refused, could not be reached, or failed. */
export class ApiError extends ConsiliumError {
  readonly code = 'API';
  /** HTTP's; 0: there was no answer. */
  readonly status: number;
  /** The server's word for programs, as `conflict`. */
  readonly wireCode: string;

  constructor(status: number, wireCode: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
    this.wireCode = wireCode;
  }
}

export interface ApiSettings {
  /** Of the open session; undefined before one. */
  readonly csrfToken: () => string | undefined;
  /** The server does not know the session any more. */
  readonly onSignedOut: () => void;
  /**
   * The token is another session's: somebody has logged in anew in the same browser.
   * @returns whether it is the same person, with a token that is right now: what was asked for is asked for again
   */
  readonly renewToken?: () => Promise<boolean>;
  /** For tests. */
  readonly fetch?: typeof fetch;
}

export interface Api {
  /** @throws ApiError */
  get<Answer>(path: Path<Answer>, signal?: AbortSignal): Promise<Answer>;
  /** @throws ApiError */
  send<Answer>(method: Changing, path: Path<Answer>, body?: object): Promise<Answer>;
}

/** The server's word for a session that is over; a password that is wrong has another. */
const NOT_LOGGED_IN = 'not-logged-in';

export function createApi(settings: ApiSettings): Api {
  const { csrfToken, onSignedOut, renewToken, fetch: ask = fetch } = settings;
  const request = async (path: string, init: RequestInit): Promise<unknown> => {
    const response = await ask(path, { credentials: 'same-origin', ...init }).catch((cause: unknown) => {
      if (init.signal?.aborted === true) throw cause;
      throw new ApiError(0, 'unreachable', 'The server does not answer.', { cause });
    });
    if (response.ok) return response.status === 204 ? undefined : await bodyOf(response);
    const error = refusalOf(response.status, await bodyOf(response).catch(() => undefined));
    if (error.wireCode === NOT_LOGGED_IN) onSignedOut();
    throw error;
  };
  return {
    get: async <Answer>(path: Path<Answer>, signal?: AbortSignal) =>
      // The server's own schema, of which this is the type, has checked it.
      (await request(path, { headers: { accept: 'application/json' }, ...(signal && { signal }) })) as Answer,
    send: async <Answer>(method: Changing, path: Path<Answer>, body?: object) => {
      // As above.
      const once = async (): Promise<Answer> =>
        (await request(path, changing(method, body, csrfToken()))) as Answer;
      return once().catch(async (error: unknown) => {
        const isStale = error instanceof ApiError && error.wireCode === 'csrf';
        if (isStale && (await renewToken?.()) === true) return once();
        throw error;
      });
    },
  };
}

function changing(method: Changing, body: object | undefined, token: string | undefined): RequestInit {
  const headers = {
    accept: 'application/json',
    ...(body && { 'content-type': 'application/json' }),
    ...(token !== undefined && { 'x-csrf-token': token }),
  };
  return { method: method.toUpperCase(), headers, ...(body && { body: JSON.stringify(body) }) };
}

async function bodyOf(response: Response): Promise<unknown> {
  try {
    return await response.json();
  } catch (cause) {
    throw new ApiError(response.status, 'malformed', 'The answer of the server cannot be read.', { cause });
  }
}

const textIn = (body: unknown, field: 'code' | 'message'): string | undefined => {
  if (typeof body !== 'object' || body === null || !(field in body)) return undefined;
  const value: unknown = Reflect.get(body, field);
  return typeof value === 'string' ? value : undefined;
};

function refusalOf(status: number, body: unknown): ApiError {
  const said = textIn(body, 'message');
  const message = said === undefined ? `The server answered with status ${String(status)}.` : sentence(said);
  return new ApiError(status, textIn(body, 'code') ?? 'unknown', message);
}

/** What the server writes begins in lower case and has no full stop. */
function sentence(text: string): string {
  const begun = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(begun) ? begun : `${begun}.`;
}

export interface Explanation {
  readonly message: string;
  /** What the reader can do. */
  readonly advice: string;
}

/** Anything that was thrown, for people. */
export function explain(error: unknown): Explanation {
  if (!(error instanceof ApiError))
    return {
      message: error instanceof Error ? sentence(error.message) : 'Something went wrong in this page.',
      advice: 'Reload the page; if it happens again, tell whoever runs this server.',
    };
  return { message: error.message, advice: adviceOf(error) };
}

function adviceOf({ status, wireCode }: ApiError): string {
  if (wireCode === 'csrf') return 'Somebody has logged in anew in this browser: reload the page.';
  if (wireCode === 'login-refused') return 'Check both, capital letters included, and try again.';
  if (status === 0) return 'Check that the server runs and that this computer reaches it; then try again.';
  if (status === 401) return 'Log in again.';
  if (status === 403) return 'Ask an administrator, or log in as somebody who may.';
  if (status === 404) return 'It may have been removed in the meantime: go back to the list.';
  if (status === 409) return 'Look at how things stand now, and try again if it still applies.';
  if (status === 429) return 'Wait a minute, then try again.';
  if (status >= 500) return 'Try again in a moment; the reason stands in the log of the server.';
  return 'Correct what was entered, then try again.';
}
