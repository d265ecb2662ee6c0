/**
 * A route of the API: its schemas, from which both its checks and its description are made, and what it does. What it
 * answers goes through its schema too, so that nothing leaves that is not described.
 */
import { z } from 'zod';
import { InvariantError } from '../../../shared/errors.ts';
import type { Session } from '../../storage/user-store.ts';
import type { Operation } from './access.ts';

export type Method = 'get' | 'post' | 'put' | 'delete';

/** Who asks. */
export interface Caller {
  /** Absent for an operation that anyone may use. */
  readonly session: Session | undefined;
  readonly address: string;
  /** Of the session; absent without one. */
  readonly token: string | undefined;
  /** Sets or, without a token, clears the cookie of the session. */
  setSession(token: string | undefined): void;
}

export type FileAnswer =
  | { readonly name: string; readonly bytes: Uint8Array }
  /** For what may be too long for memory. */
  | { readonly name: string; readonly chunks: AsyncIterable<Uint8Array> };

/** A whole number below 10⁹ as paths and queries have it. */
export const wholeText = z
  .string()
  .regex(/^(?:0|[1-9]\d{0,8})$/)
  .transform(Number);

/** Parameters and queries are always text: their schemas start from strings. */
type Fields = z.ZodObject;

/** For a part that an operation does not have: whatever stands there is refused. */
export const NONE = z.strictObject({});

interface Common<P extends Fields, Q extends Fields, B extends z.ZodType> {
  readonly operation: Operation;
  readonly method: Method;
  /** As Express writes it, `/api/v1/runs/:runId`. */
  readonly path: string;
  readonly summary: string;
  readonly params: P;
  readonly query: Q;
  readonly body: B;
  /** Default 16 KiB. */
  readonly maxBodyBytes?: number;
}

interface Input<P extends Fields, Q extends Fields, B extends z.ZodType> {
  readonly params: z.output<P>;
  readonly query: z.output<Q>;
  readonly body: z.output<B>;
  readonly caller: Caller;
}

interface JsonRoute<
  P extends Fields,
  Q extends Fields,
  B extends z.ZodType,
  A extends z.ZodType,
> extends Common<P, Q, B> {
  readonly status?: 200 | 201;
  readonly answer: A;
  handle(input: Input<P, Q, B>): Promise<z.input<A>> | z.input<A>;
}
interface FileRoute<P extends Fields, Q extends Fields, B extends z.ZodType> extends Common<P, Q, B> {
  readonly mediaType: string;
  handle(input: Input<P, Q, B>): Promise<FileAnswer>;
}
interface EmptyRoute<P extends Fields, Q extends Fields, B extends z.ZodType> extends Common<P, Q, B> {
  handle(input: Input<P, Q, B>): Promise<void>;
}

export type Reply =
  | { readonly kind: 'json'; readonly status: number; readonly body: unknown }
  | { readonly kind: 'file'; readonly mediaType: string; readonly file: FileAnswer }
  | { readonly kind: 'empty' };

/** What a request holds beside its caller; nothing of it has been looked at. */
export interface RawInput {
  readonly params: unknown;
  readonly query: unknown;
  readonly body: unknown;
}

export type Problem = 'params' | 'query' | 'body';

/** Makes the error for a part that does not have the described form. */
export type OnProblem = (part: Problem, error: z.ZodError) => Error;

/** A route whose types are closed over. */
export interface Route {
  readonly operation: Operation;
  readonly method: Method;
  readonly path: string;
  readonly summary: string;
  readonly params: Fields;
  readonly query: Fields;
  readonly body: z.ZodType;
  readonly maxBodyBytes: number;
  readonly answer:
    | { readonly kind: 'json'; readonly status: number; readonly schema: z.ZodType }
    | { readonly kind: 'file'; readonly mediaType: string }
    | { readonly kind: 'empty' };
  serve(raw: RawInput, caller: Caller, onProblem: OnProblem): Promise<Reply>;
}

const MAX_BODY_BYTES = 16 * 1024;

function checkerOf<P extends Fields, Q extends Fields, B extends z.ZodType>(spec: Common<P, Q, B>) {
  return (raw: RawInput, caller: Caller, onProblem: OnProblem): Input<P, Q, B> => {
    const part = <T extends z.ZodType>(name: Problem, schema: T): z.output<T> => {
      // A request without a body has the empty one.
      const parsed = schema.safeParse(raw[name] ?? {});
      if (!parsed.success) throw onProblem(name, parsed.error);
      return parsed.data;
    };
    return {
      params: part('params', spec.params),
      query: part('query', spec.query),
      body: part('body', spec.body),
      caller,
    };
  };
}

const described = <P extends Fields, Q extends Fields, B extends z.ZodType>(spec: Common<P, Q, B>) => ({
  operation: spec.operation,
  method: spec.method,
  path: spec.path,
  summary: spec.summary,
  params: spec.params,
  query: spec.query,
  body: spec.body,
  maxBodyBytes: spec.maxBodyBytes ?? MAX_BODY_BYTES,
});

export function jsonRoute<P extends Fields, Q extends Fields, B extends z.ZodType, A extends z.ZodType>(
  spec: JsonRoute<P, Q, B, A>,
): Route {
  const inputOf = checkerOf(spec);
  const { status = 200, answer } = spec;
  return {
    ...described(spec),
    answer: { kind: 'json', status, schema: answer },
    serve: async (raw, caller, onProblem) => {
      const parsed = answer.safeParse(await spec.handle(inputOf(raw, caller, onProblem)));
      if (!parsed.success)
        throw new InvariantError(`${spec.operation} answers with another form than it describes`, {
          cause: parsed.error,
        });
      return { kind: 'json', status, body: parsed.data };
    },
  };
}

export function fileRoute<P extends Fields, Q extends Fields, B extends z.ZodType>(
  spec: FileRoute<P, Q, B>,
): Route {
  const inputOf = checkerOf(spec);
  const { mediaType } = spec;
  return {
    ...described(spec),
    answer: { kind: 'file', mediaType },
    serve: async (raw, caller, onProblem) => {
      const file = await spec.handle(inputOf(raw, caller, onProblem));
      return { kind: 'file', mediaType, file };
    },
  };
}

export function emptyRoute<P extends Fields, Q extends Fields, B extends z.ZodType>(
  spec: EmptyRoute<P, Q, B>,
): Route {
  const inputOf = checkerOf(spec);
  return {
    ...described(spec),
    answer: { kind: 'empty' },
    serve: async (raw, caller, onProblem) => {
      await spec.handle(inputOf(raw, caller, onProblem));
      return { kind: 'empty' };
    },
  };
}

/** @throws InvariantError for an operation that anyone may use */
export function sessionOf({ session }: Caller): Session {
  if (!session) throw new InvariantError('this operation needs a session');
  return session;
}
