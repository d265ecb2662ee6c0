import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { PageAccess } from '../../../client/ui/links.ts';
import { readLinks } from '../../../client/ui/page-server.ts';
import { createPageWorld, type PageWorld } from './page-world.ts';

let world: PageWorld;
beforeEach(async () => {
  world = await createPageWorld();
});
afterEach(async () => {
  await world.close();
});
const own = (): string => `127.0.0.1:${String(world.server.port)}`;

describe('links', () => {
  it('stand in a file for the own account only, as long as the page is served', async () => {
    const other = await createPageWorld();
    const file = join(other.folder.path, 'page.json');
    expect(readLinks(other.folder.path)).toEqual(other.server.links);
    expect(statSync(file).mode & 0o077).toBe(0);
    expect(other.server.links.map(({ person, role }) => [person, role])).toEqual([
      ['first person', 'administrator'],
      ['second person', 'administrator'],
      ['viewer', 'viewer'],
    ]);
    await other.server.close();
    expect(existsSync(file)).toBe(false);
    expect(() => readLinks(other.folder.path)).toThrow('no page is served');
    await other.close().catch(() => undefined);
  });

  it('are exchanged for a cookie that neither scripts nor other pages have', async () => {
    const answer = await world.ask('POST', '/api/session', { body: { word: world.word('viewer') } });
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({ person: 'viewer', role: 'viewer' });
    const cookie = String(answer.headers['set-cookie']);
    expect(cookie).toMatch(new RegExp(`^consilium-site-${String(world.server.port)}=[A-Za-z0-9_-]{43};`));
    expect(cookie).toContain('HttpOnly');
    expect(cookie).toContain('SameSite=Strict');
    expect(cookie).not.toContain(world.word('viewer'));
  });

  it.each([['A'.repeat(43)], [''], ['short']])('%j opens nothing', async (word) => {
    const answer = await world.ask('POST', '/api/session', { body: { word } });
    expect([answer.status, answer.headers['set-cookie']]).toEqual([403, undefined]);
    expect(answer.body).toMatchObject({ code: 'link-invalid' });
  });

  it('cannot be tried without end; a right one is not held up by that before the limit', async () => {
    const wrong = { body: { word: 'B'.repeat(43) } };
    for (let tries = 0; tries < 10; tries++) await world.ask('POST', '/api/session', wrong);
    expect((await world.ask('POST', '/api/session', { body: { word: world.word('viewer') } })).status).toBe(
      200,
    );
    for (let tries = 0; tries < 10; tries++) await world.ask('POST', '/api/session', wrong);
    const answer = await world.ask('POST', '/api/session', wrong);
    expect([answer.status, answer.body]).toEqual([
      429,
      expect.objectContaining({ code: 'too-many-requests' }),
    ]);
  });

  it('give sessions that end after a day’s work', () => {
    let nowMs = 1000;
    const access = new PageAccess({ nowMs: () => nowMs });
    const opened = access.exchange(access.links[0]?.word ?? '');
    expect(access.sessionOf(opened?.cookie)).toMatchObject({ person: 'first person' });
    nowMs += 12 * 3_600_000;
    expect(access.sessionOf(opened?.cookie)).toBeUndefined();
  });
});

describe('a request', () => {
  it.each(['evil.example', 'evil.example:80', '127.0.0.1', '127.0.0.1:1', '[::1]'])(
    'for the host %s is not answered, with or without a session',
    async (host) => {
      const person = await world.person();
      for (const path of ['/', '/api/state', '/api/session'])
        expect((await person.ask('GET', path, { headers: { host } })).status).toBe(421);
      const body = { word: world.word('first person') };
      expect((await world.ask('POST', '/api/session', { body, headers: { host } })).status).toBe(421);
    },
  );

  it('for localhost is answered as one for 127.0.0.1', async () => {
    const person = await world.person();
    const host = `localhost:${String(world.server.port)}`;
    expect((await person.ask('GET', '/api/state', { headers: { host } })).status).toBe(200);
  });

  it('without a session, or with one of another agent, is told to open the link', async () => {
    const paths = ['/api/state', '/api/plans', '/api/receipts', '/api/data', '/api/policy', '/api/ledger'];
    const cookie = `consilium-site-${String(world.server.port)}=${'C'.repeat(43)}`;
    for (const path of [...paths, '/api/training', '/api/benefit', '/api/data/samples/000000000000-1'])
      for (const headers of [{}, { cookie }]) {
        const answer = await world.ask('GET', path, { headers });
        expect([path, answer.status]).toEqual([path, 401]);
        expect(answer.body).toMatchObject({ code: 'not-logged-in' });
      }
  });

  it('that changes something shows the token of its session', async () => {
    const person = await world.person();
    const other = await world.person('second person');
    for (const csrf of ['', 'D'.repeat(43), other.csrfToken]) {
      const headers = { 'x-csrf-token': csrf };
      const answer = await person.ask('POST', '/api/stop', { body: { when: 'at-once' }, headers });
      expect([answer.status, answer.body]).toEqual([403, expect.objectContaining({ code: 'csrf' })]);
    }
    expect(await world.agent.status()).toBe('running');
  });

  it('that changes something does not come from another page', async () => {
    const person = await world.person();
    for (const origin of ['http://evil.example', 'null', `https://${own()}`, 'http://127.0.0.1:1']) {
      const answer = await person.ask('POST', '/api/stop', {
        body: { when: 'at-once' },
        headers: { origin },
      });
      expect([answer.status, answer.body]).toEqual([403, expect.objectContaining({ code: 'wrong-origin' })]);
    }
    expect(await world.agent.status()).toBe('running');
    const headers = { origin: `http://${own()}` };
    expect((await person.ask('POST', '/api/stop', { body: { when: 'at-once' }, headers })).status).toBe(200);
    expect(await world.agent.status()).toBe('stopping');
  });

  it('of a session that was closed is refused', async () => {
    const person = await world.person();
    expect((await person.ask('POST', '/api/logout', { body: {} })).status).toBe(204);
    expect((await person.ask('GET', '/api/state')).status).toBe(401);
  });

  it.each([
    ['GET', '/api/ledger?limit=x'],
    ['GET', '/api/ledger?limit=100000'],
    ['GET', '/api/ledger?more=1'],
    ['GET', '/api/state?x=1'],
    ['POST', '/api/stop', { when: 'later' }],
    ['POST', '/api/stop', { when: 'at-once', more: 1 }],
    ['POST', '/api/plans/xyz/refuse', {}],
    ['POST', `/api/plans/${'a'.repeat(128)}/approve`, { rosterHash: 'x' }],
  ])('%s %s is not in the form that is expected', async (method, path, body?: object) => {
    const person = await world.person();
    const answer = await person.ask(method, path, body === undefined ? {} : { body });
    expect([answer.status, answer.body]).toEqual([400, expect.objectContaining({ code: 'malformed' })]);
  });

  it('with a body that is no JSON or too long is refused', async () => {
    const person = await world.person();
    const long = await person.ask('POST', '/api/stop', { body: { when: 'x'.repeat(20_000) } });
    expect(long.status).toBe(413);
    expect(JSON.stringify(long.body)).not.toContain('node_modules');
  });
});

describe('the page', () => {
  it('is served at every address, with a policy that lets nothing in from elsewhere and nothing out', async () => {
    for (const path of ['/', '/plans', '/../../etc/passwd', '/%2e%2e/site.yaml', '/site.yaml']) {
      const answer = await world.ask('GET', path);
      expect([answer.status, answer.bytes.toString()]).toEqual([200, '<!doctype html>']);
      const policy = String(answer.headers['content-security-policy']);
      expect(policy).toContain("default-src 'none'");
      expect(policy).toContain("frame-ancestors 'none'");
      expect(policy).not.toContain('unsafe');
      expect(answer.headers['strict-transport-security']).toBeUndefined();
    }
    for (const path of ['/assets/none.js', '/assets/../index.html', '/assets/%2e%2e/site.yaml'])
      expect((await world.ask('GET', path)).bytes.toString()).not.toContain('siteId');
    expect((await world.ask('GET', '/assets/none.js')).status).toBe(404);
    expect((await world.ask('POST', '/')).status).toBe(404);
  });
});

describe('a viewer', () => {
  it('sees what there is to see and changes nothing', async () => {
    const viewer = await world.person('viewer');
    for (const path of [
      '/api/state',
      '/api/receipts',
      '/api/data',
      '/api/policy',
      '/api/ledger',
      '/api/plans',
    ])
      expect([path, (await viewer.ask('GET', path)).status]).toEqual([path, 200]);
    const changes: readonly (readonly [string, object])[] = [
      ['/api/stop', { when: 'at-once' }],
      ['/api/data/scan', {}],
      ['/api/benefit', {}],
      [`/api/plans/${'a'.repeat(128)}/refuse`, {}],
      [`/api/plans/${'a'.repeat(128)}/approve`, { rosterHash: 'a'.repeat(128) }],
    ];
    for (const [path, body] of changes) {
      const answer = await viewer.ask('POST', path, { body });
      expect([path, answer.status, answer.body]).toEqual([
        path,
        403,
        expect.objectContaining({ code: 'not-allowed' }),
      ]);
    }
    expect((await viewer.ask('GET', '/api/data/samples/000000000000-1')).status).toBe(403);
    expect(await world.agent.status()).toBe('running');
  });
});
