import { describe, expect, it } from 'vitest';
import { keepSession, SESSION_ENDED } from '../../../coordinator/console/session-keeper.ts';
import { SESSION, SITES } from '../../../coordinator/console/paths.ts';

const sessionOf = (user: string, csrfToken = 'token') => ({
  ...{ user, csrfToken, role: 'administrator', expiresAt: '2026-01-01T00:00:00.000Z' },
});
const OUT = (): Response =>
  Response.json({ code: 'not-logged-in', message: 'log in first' }, { status: 401 });

/** A browser whose cookie may change under the page: `answer` gives what the server says next. */
function world(answer: (path: string, token: string | null) => Response) {
  let others = 0;
  const keeper = keepSession({
    onOtherPerson: () => {
      others++;
    },
    fetch: (path, init) =>
      Promise.resolve(
        answer(
          path instanceof Request ? path.url : path.toString(),
          new Headers(init?.headers).get('x-csrf-token'),
        ),
      ),
  });
  return { keeper, others: () => others };
}

describe('keepSession', () => {
  it('finds the open session, or that there is none', async () => {
    const inside = world(() => Response.json(sessionOf('anna'))).keeper;
    expect(inside.state()).toEqual({ kind: 'asking' });
    await inside.ask();
    expect(inside.state()).toMatchObject({ kind: 'in', session: { user: 'anna' } });
    const outside = world(OUT).keeper;
    await outside.ask();
    // Nobody was logged in: nothing has ended.
    expect(outside.state()).toEqual({ kind: 'out' });
  });

  it('tells a coordinator that is away from a session that is over', async () => {
    const { keeper } = world(() => new Response('', { status: 503 }));
    await keeper.ask();
    expect(keeper.state().kind).toBe('failed');
  });

  it('forgets the session when any request is refused for want of one, and says so', async () => {
    let isOver = false;
    const { keeper } = world(() => (isOver ? OUT() : Response.json(sessionOf('anna'))));
    await keeper.ask();
    let told = 0;
    const end = keeper.subscribe(() => told++);
    isOver = true;
    await expect(keeper.api.get(SITES)).rejects.toThrow('Log in first.');
    expect(keeper.state()).toEqual({ kind: 'out', notice: SESSION_ENDED });
    expect(told).toBe(1);
    end();
    keeper.forget();
    expect(told).toBe(1);
  });

  it('goes on with the new token when the same person has logged in anew', async () => {
    const { keeper, others } = world((path, token) => {
      if (path === SESSION) return Response.json(sessionOf('anna', 'new'));
      return token === 'new'
        ? Response.json({ sites: [] })
        : Response.json({ code: 'csrf', message: 'stale' }, { status: 403 });
    });
    await keeper.ask();
    keeper.open({ ...expectSession(keeper), csrfToken: 'old' });
    expect(await keeper.api.send('post', SITES)).toEqual({ sites: [] });
    expect(others()).toBe(0);
  });

  it('does nothing in the name of somebody else who has logged in', async () => {
    const asked: string[] = [];
    const people = ['anna', 'ben'];
    const { keeper, others } = world((path) => {
      asked.push(path);
      return path === SESSION
        ? Response.json(sessionOf(people.shift() ?? 'ben'))
        : Response.json({ code: 'csrf', message: 'stale' }, { status: 403 });
    });
    await keeper.ask();
    await expect(keeper.api.send('post', SITES)).rejects.toThrow();
    expect(asked).toEqual([SESSION, SITES, SESSION]);
    expect(others()).toBe(1);
    expect(expectSession(keeper).user).toBe('ben');
  });
});

function expectSession(keeper: ReturnType<typeof keepSession>) {
  const state = keeper.state();
  if (state.kind !== 'in') throw new Error(`expected a session, not ${state.kind}`);
  return state.session;
}
