import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SESSION_IDLE_MS } from '../../../coordinator/storage/user-store.ts';
import { createApiWorld, ORIGIN, PASSWORD, type ApiWorld } from './api-world.ts';

let world: ApiWorld;
beforeEach(async () => {
  world = await createApiWorld();
});
afterEach(() => world.close());

describe('a login', () => {
  it('sets a cookie that no script and no other page can use, and says who it is', async () => {
    await world.addUser('ann', 'researcher');
    const { status, headers, body } = await world.login('ann');
    expect(status).toBe(200);
    expect(body).toMatchObject({ user: 'ann', role: 'researcher', expiresAt: '2026-01-01T12:00:00.000Z' });
    // Plain HTTP, which is for loopback alone.
    expect(headers.get('set-cookie')).toMatch(
      /^consilium=[A-Za-z0-9_-]{43}; Max-Age=43200; Path=\/; HttpOnly; SameSite=Strict$/,
    );
    expect(headers.get('cache-control')).toBe('no-store');
  });

  it('is bound to the host and to TLS where there is TLS', async () => {
    const secure = await createApiWorld({ url: 'https://consilium.test', behindTlsProxy: true });
    try {
      await secure.addUser('ann', 'researcher');
      const { headers } = await secure.login('ann');
      expect(headers.get('set-cookie')).toMatch(
        /^__Host-consilium=[A-Za-z0-9_-]{43}; Max-Age=43200; Path=\/; HttpOnly; Secure; SameSite=Strict$/,
      );
    } finally {
      await secure.close();
    }
  });

  it('answers an unknown name as a wrong password, and tells the log no name that nobody has', async () => {
    await world.addUser('ann', 'researcher');
    const [wrong, unknown] = [await world.login('ann', 'x'), await world.login('my-password-by-mistake')];
    expect([wrong.status, wrong.text]).toEqual([401, unknown.text]);
    expect(unknown.status).toBe(401);
    expect(JSON.stringify(world.reports)).not.toMatch(new RegExp(`my-password-by-mistake|${PASSWORD}`));
    expect(world.reports.filter(({ kind }) => kind === 'login')).toMatchObject([
      { outcome: 'wrong' },
      { outcome: 'wrong' },
    ]);
  });

  it('is refused after too many tries, and counted', async () => {
    await world.addUser('ann', 'researcher');
    for (let i = 0; i < 10; i++) expect((await world.login('ann', 'x')).status).toBe(401);
    expect(await world.login('ann')).toMatchObject({ status: 429, body: { code: 'too-many-requests' } });
    world.time.elapsedMs += 15 * 60_000;
    expect((await world.login('ann')).status).toBe(200);
  });

  it('is refused to a page of somebody else', async () => {
    await world.addUser('ann', 'researcher');
    const body = { name: 'ann', password: PASSWORD };
    const from = (origin: string) => world.ask('POST', '/api/v1/login', { body, headers: { origin } });
    expect(await from('https://evil.test')).toMatchObject({ status: 403, body: { code: 'wrong-origin' } });
    expect(await from('null')).toMatchObject({ status: 403 });
    expect(await from(ORIGIN)).toMatchObject({ status: 200 });
  });
});

describe('a session', () => {
  it('is needed, and so is its token for what changes something', async () => {
    const ann = await world.person('administrator');
    expect(await world.ask('GET', '/api/v1/session')).toMatchObject({ status: 401 });
    expect(await ann.ask('GET', '/api/v1/session')).toMatchObject({
      status: 200,
      body: { user: 'the-administrator', csrfToken: ann.csrfToken },
    });
    const body = { siteId: 'north' };
    for (const token of ['', 'x', `${ann.csrfToken.slice(0, -1)}!`])
      expect(
        await ann.ask('POST', '/api/v1/invitations', { body, headers: { 'x-csrf-token': token } }),
      ).toMatchObject({ status: 403, body: { code: 'csrf' } });
    const other = { origin: 'https://evil.test' };
    expect(await ann.ask('POST', '/api/v1/invitations', { body, headers: other })).toMatchObject({
      status: 403,
      body: { code: 'wrong-origin' },
    });
    expect(await ann.ask('POST', '/api/v1/invitations', { body })).toMatchObject({ status: 201 });
  });

  it('ends with logging out, with time, and with the user', async () => {
    const [ann, bob, cid] = [
      await world.person('auditor'),
      await world.person('researcher'),
      await world.person('administrator'),
    ];
    expect(await ann.ask('POST', '/api/v1/logout')).toMatchObject({ status: 204 });
    expect(await ann.ask('GET', '/api/v1/session')).toMatchObject({ status: 401 });
    expect(await cid.ask('DELETE', '/api/v1/users/the-researcher')).toMatchObject({ status: 204 });
    expect(await bob.ask('GET', '/api/v1/session')).toMatchObject({ status: 401 });
    world.time.nowMs += SESSION_IDLE_MS;
    expect(await cid.ask('GET', '/api/v1/session')).toMatchObject({ status: 401 });
  });

  it('is not opened by a cookie that only looks like one', async () => {
    for (const cookie of [
      'consilium=',
      'consilium=x',
      `consilium=${'A'.repeat(43)}`,
      'a=b',
      '=',
      'x'.repeat(9000),
    ])
      expect(await world.ask('GET', '/api/v1/session', { headers: { cookie } })).toMatchObject({
        status: 401,
      });
  });

  it('lets its user change the password who knows it, and ends', async () => {
    const ann = await world.person('auditor');
    const change = (present: string, next: string) =>
      ann.ask('PUT', '/api/v1/session/password', { body: { present, next } });
    expect(await change('wrong', 'another good password')).toMatchObject({ status: 401 });
    expect(await change(PASSWORD, 'short')).toMatchObject({ status: 422 });
    expect(await change(PASSWORD, 'another good password')).toMatchObject({ status: 204 });
    expect(await ann.ask('GET', '/api/v1/session')).toMatchObject({ status: 401 });
    expect(await world.login('the-auditor', 'another good password')).toMatchObject({ status: 200 });
  });
});
