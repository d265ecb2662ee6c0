import { describe, expect, it } from 'vitest';
import { ApiError, createApi, explain, type ApiSettings, type Path } from '../../../shared/ui/query.ts';

const SITES: Path<{ readonly sites: readonly string[] }> = '/api/v1/sites';

interface Asked {
  readonly path: string;
  readonly init: RequestInit;
}

/** A server that gives the answers in turn. */
function world(answers: readonly (Response | Error)[], settings: Partial<ApiSettings> = {}) {
  const asked: Asked[] = [];
  let signedOut = 0;
  const rest = [...answers];
  const api = createApi({
    csrfToken: () => 'token',
    onSignedOut: () => {
      signedOut++;
    },
    fetch: (path, init) => {
      if (typeof path !== 'string') throw new TypeError('a path is text');
      asked.push({ path, init: init ?? {} });
      const answer = rest.shift() ?? new Error('no answer is left');
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
    },
    ...settings,
  });
  return { api, asked, signedOut: () => signedOut };
}

const refusal = (status: number, code: string, message: string): Response =>
  Response.json({ code, message }, { status });

async function failureOf(attempt: Promise<unknown>): Promise<ApiError> {
  const error: unknown = await attempt.then(
    () => undefined,
    (failure: unknown) => failure,
  );
  if (!(error instanceof ApiError)) throw new Error(`expected a refusal, not ${String(error)}`);
  return error;
}

describe('createApi', () => {
  it('asks with the cookie and without the token', async () => {
    const { api, asked } = world([Response.json({ sites: ['a'] })]);
    expect(await api.get(SITES)).toEqual({ sites: ['a'] });
    const init = asked[0]?.init;
    expect([asked[0]?.path, init?.credentials]).toEqual([SITES, 'same-origin']);
    expect(new Headers(init?.headers).has('x-csrf-token')).toBe(false);
  });

  it('shows the token with what changes something', async () => {
    const { api, asked } = world([new Response(null, { status: 204 })]);
    expect(await api.send('put', SITES, { a: 1 })).toBeUndefined();
    const headers = new Headers(asked[0]?.init.headers);
    expect(asked[0]?.init.method).toBe('PUT');
    expect([headers.get('x-csrf-token'), headers.get('content-type')]).toEqual(['token', 'application/json']);
    expect(asked[0]?.init.body).toBe('{"a":1}');
  });

  it('tells what the server said, as a sentence', async () => {
    const { api, signedOut } = world([refusal(409, 'conflict', 'the last administrator stays')]);
    const error = await failureOf(api.send('delete', SITES));
    expect([error.status, error.wireCode]).toEqual([409, 'conflict']);
    expect(explain(error).message).toBe('The last administrator stays.');
    expect(signedOut()).toBe(0);
  });

  it('tells when the session is over, but not for a wrong password', async () => {
    const over = world([refusal(401, 'not-logged-in', 'log in first')]);
    await failureOf(over.api.get(SITES));
    expect(over.signedOut()).toBe(1);
    const wrong = world([refusal(401, 'login-refused', 'name or password is wrong')]);
    await failureOf(wrong.api.send('post', SITES, {}));
    expect(wrong.signedOut()).toBe(0);
  });

  it('says that a server is away, or answers what cannot be read', async () => {
    const { api } = world([
      new TypeError('fetch failed'),
      new Response('<html>'),
      new Response('<html>', { status: 502 }),
    ]);
    expect(await failureOf(api.get(SITES))).toMatchObject({ status: 0, wireCode: 'unreachable' });
    expect(await failureOf(api.get(SITES))).toMatchObject({ status: 200, wireCode: 'malformed' });
    expect((await failureOf(api.get(SITES))).message).toBe('The server answered with status 502.');
  });

  it('hands on that it was cancelled', async () => {
    const cancelled = new Error('cancelled');
    const { api } = world([cancelled]);
    await expect(api.get(SITES, AbortSignal.abort())).rejects.toBe(cancelled);
  });

  it.each([
    [true, 2],
    [false, 1],
  ])('repeats with a renewed token of the same person only (%s)', async (isSame, requests) => {
    const stale = (): Response => refusal(403, 'csrf', 'stale');
    const { api, asked } = world([stale(), Response.json({ sites: [] }), stale()], {
      renewToken: () => Promise.resolve(isSame),
    });
    if (isSame) expect(await api.send('post', SITES)).toEqual({ sites: [] });
    else expect((await failureOf(api.send('post', SITES))).wireCode).toBe('csrf');
    expect(asked).toHaveLength(requests);
  });

  it('repeats once at most', async () => {
    const stale = (): Response => refusal(403, 'csrf', 'stale');
    const { api, asked } = world([stale(), stale(), stale()], { renewToken: () => Promise.resolve(true) });
    await failureOf(api.send('post', SITES));
    expect(asked).toHaveLength(2);
  });
});

describe('explain', () => {
  it.each([0, 400, 401, 403, 404, 409, 422, 429, 500, 503])('says what to do after status %d', (status) => {
    expect(explain(new ApiError(status, 'any', 'Message.')).advice).toMatch(/^[A-Z].*\.$/);
  });

  it('has words for anything that was thrown', () => {
    expect(explain(new Error('it broke')).message).toBe('It broke.');
    expect(explain(undefined).message).toMatch(/Something went wrong/);
  });
});
