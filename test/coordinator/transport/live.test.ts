import { io, type Socket } from 'socket.io-client';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  LIVE_EVENT,
  LIVE_PATH,
  liveEventSchema,
  type LiveEvent,
} from '../../../coordinator/http/api/live-views.ts';
import { progressOf } from '../../../coordinator/http/api/round-progress.ts';
import { sessionCookie } from '../../../coordinator/http/session-cookie.ts';
import { LiveFeed } from '../../../coordinator/transport/live-feed.ts';
import { createLiveServer, type LiveServer } from '../../../coordinator/transport/live-server.ts';
import { createSocketGateway } from '../../../coordinator/transport/socket-gateway.ts';
import type { Role } from '../../../coordinator/storage/tables.ts';
import { systemClock } from '../../../shared/clock.ts';
import { runIdSchema } from '../../../shared/ids.ts';
import { createApiWorld, ORIGIN, type ApiWorld, type Person } from '../http/api-world.ts';

const run = runIdSchema.parse('chest');
const PROBE = runIdSchema.parse('probe');

let world: ApiWorld;
let live: LiveServer;
let feed: LiveFeed;
let url: string;
const sockets: Socket[] = [];

beforeAll(async () => {
  world = await createApiWorld({ changed: () => void feed.look() });
  const { server, services, database } = world;
  const { users, watch, administration } = services;
  const onError = (error: unknown): number => world.errors.push(error);
  const clock = { ...systemClock, nowMs: () => world.time.nowMs };
  // Sites and browsers on one port, as a coordinator has them.
  createSocketGateway({ server, clock, federationId: 'f', keyOf: () => undefined });
  const cookie = sessionCookie(ORIGIN);
  live = createLiveServer({
    ...{ server, clock, onError, origin: ORIGIN, connectionsOfUser: 3 },
    tokenOf: (request) => cookie.read(request),
    sessionOf: (token) => users.session(token),
    stateOf: (token) => users.stateOf(token),
  });
  feed = new LiveFeed({
    ...{ live, watch, database, clock, onError, log: administration.log },
    progressOf: (runId) => progressOf(services, runId),
  });
  await feed.look();
  const address = server.address();
  url = `http://127.0.0.1:${String(typeof address === 'object' && address ? address.port : 0)}`;
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.disconnect();
  await expect.poll(() => live.connections).toBe(0);
  expect(world.errors).toEqual([]);
});
afterAll(async () => {
  live.close();
  await feed.close();
  await world.close();
});

let people = 0;
/** Somebody new. */
const somebody = async (role: Role): Promise<Person & { readonly name: string }> => {
  const name = `user-${String(++people)}`;
  return { ...(await world.person(role, name)), name };
};

interface Browser {
  readonly socket: Socket;
  readonly events: LiveEvent[];
  /** `connected`, or why not. */
  readonly fate: Promise<string>;
  /** Resolves when the server has ended the connection. */
  readonly gone: Promise<void>;
}

function browse(headers: Record<string, string>, path = LIVE_PATH): Browser {
  const socket = io(url, {
    ...{ path, transports: ['websocket'], reconnection: false, forceNew: true },
    extraHeaders: headers,
  });
  sockets.push(socket);
  const events: LiveEvent[] = [];
  socket.on(LIVE_EVENT, (event: unknown) => events.push(liveEventSchema.parse(event)));
  const fate = new Promise<string>((resolve) => {
    socket.on('connect', () => {
      resolve('connected');
    });
    socket.on('connect_error', (error: Error & { data?: { reason?: string } }) => {
      resolve(error.data?.reason ?? 'refused');
    });
  });
  const gone = new Promise<void>((resolve) => {
    socket.on('disconnect', () => {
      resolve();
    });
  });
  return { socket, events, fate, gone };
}

const pageOf = ({ cookie }: Person): Browser => browse({ cookie, origin: ORIGIN });
const ALL = ['sites', 'plans', 'runs', 'models', 'ledger', 'users', 'alerts'];

async function subscribed(person: Person, topics: string[] = ALL): Promise<Browser> {
  const page = pageOf(person);
  expect(await page.fate).toBe('connected');
  page.socket.emit('subscribe', { topics, runs: 'all' });
  // What comes back shows that the subscription has arrived.
  await expect
    .poll(() => {
      live.tell({ topic: 'run', runId: PROBE });
      return page.events.length;
    })
    .toBeGreaterThan(0);
  page.events.length = 0;
  return page;
}
const topicsOf = ({ events }: Browser): string[] => {
  const heard = events.filter((event) => event.topic !== 'run' || event.runId !== PROBE);
  return [...new Set(heard.map(({ topic }) => topic))];
};

describe('a browser', () => {
  it('is let in with its session, from the coordinator’s own pages', async () => {
    const { cookie } = await somebody('auditor');
    expect(await browse({ cookie, origin: ORIGIN }).fate).toBe('connected');
    expect(await browse({ origin: ORIGIN }).fate).toBe('not-logged-in');
    expect(await browse({ cookie: `${cookie}x`, origin: ORIGIN }).fate).toBe('not-logged-in');
    expect(await browse({ cookie, origin: 'http://elsewhere.test' }).fate).toBe('refused');
    expect(await browse({ cookie }).fate).toBe('refused');
    expect(await browse({ cookie, origin: ORIGIN }, '/sites').fate).toBe('refused');
  });

  it('has a few tabs and no more, until one is closed', async () => {
    const person = await somebody('auditor');
    const tabs = [pageOf(person), pageOf(person), pageOf(person)];
    for (const { fate } of tabs) expect(await fate).toBe('connected');
    expect(await pageOf(person).fate).toBe('too-many-connections');
    tabs[0]?.socket.disconnect();
    await expect.poll(() => live.connections).toBe(2);
    expect(await pageOf(person).fate).toBe('connected');
  });

  it('hears at once what somebody else changes, and nothing that it has not asked for', async () => {
    const [admin, auditor] = [await somebody('administrator'), await somebody('auditor')];
    const researcher = await somebody('researcher');
    const all = await subscribed(auditor);
    const few = await subscribed(admin, ['alerts']);
    const limited = await subscribed(researcher);
    await admin.ask('POST', '/api/v1/invitations', { body: { siteId: 'north' } });
    await expect
      .poll(() => topicsOf(all).sort())
      .toEqual(expect.arrayContaining(['alerts', 'ledger', 'sites']));
    await expect.poll(() => topicsOf(limited).sort()).toEqual(['alerts', 'sites']);
    expect(topicsOf(few)).toEqual(['alerts']);
    await admin.ask('POST', '/api/v1/users', {
      body: { name: 'dora', role: 'auditor', password: 'a long enough password' },
    });
    await expect.poll(() => topicsOf(all)).toContain('users');
    expect(topicsOf(limited)).not.toContain('users');
    expect(topicsOf(limited)).not.toContain('ledger');
  });

  it('hears of acts of another process', async () => {
    const page = await subscribed(await somebody('auditor'));
    await world.services.administration.note({ actor: 'command-line', act: 'plan-added', subject: 'x' });
    await expect
      .poll(() => topicsOf(page), { timeout: 5000 })
      .toEqual(expect.arrayContaining(['plans', 'ledger']));
  });

  it('sees a round advance, a few times a second at most', async () => {
    const page = await subscribed(await somebody('auditor'));
    for (let i = 0; i < 200; i++)
      world.services.watch.observe({
        ...{ kind: 'round', runId: run, round: 1, attempt: 1 },
        report: { kind: 'phaseEntered', phase: 'training', cohortSize: i },
      });
    const pictures = () => page.events.filter((event) => event.topic === 'progress');
    await expect.poll(() => pictures().length).toBe(1);
    expect(pictures()).toMatchObject([
      { runId: run, round: 1, cohortSize: 199, serverNowMs: world.time.nowMs },
    ]);
  });
});

describe('nothing but a subscription is taken', () => {
  it.each<[string, (socket: Socket) => void]>([
    ['another event', (socket) => socket.emit('hello')],
    ['an event of the server', (socket) => socket.emit(LIVE_EVENT, { topic: 'sites' })],
    ['a topic that there is not', (socket) => socket.emit('subscribe', { topics: ['secrets'], runs: [] })],
    ['an unknown field', (socket) => socket.emit('subscribe', { topics: [], runs: [], more: 1 })],
    ['two arguments', (socket) => socket.emit('subscribe', { topics: [], runs: [] }, 1)],
    ['a question', (socket) => socket.emit('subscribe', { topics: [], runs: [] }, () => undefined)],
    ['bytes', (socket) => socket.emit('subscribe', new Uint8Array(8))],
    ['a name of a run that is none', (socket) => socket.emit('subscribe', { topics: [], runs: ['../etc'] })],
    ['far too much', (socket) => socket.emit('subscribe', { topics: ['x'.repeat(100_000)], runs: [] })],
    [
      'a flood',
      (socket) => {
        for (let i = 0; i < 40; i++) socket.emit('subscribe', { topics: [], runs: [] });
      },
    ],
  ])('%s closes the connection', async (_, send) => {
    const page = pageOf(await somebody('auditor'));
    expect(await page.fate).toBe('connected');
    send(page.socket);
    await page.gone;
    await expect.poll(() => live.connections).toBe(0);
  });
});

describe('the end of a session', () => {
  const signedOut = (reason: string) => ({ topic: 'signed-out', reason });

  it.each<[string, (admin: Person, auditor: Person & { readonly name: string }) => Promise<unknown>]>([
    ['logging out', (_, auditor) => auditor.ask('POST', '/api/v1/logout', { body: {} })],
    [
      'another role',
      (admin, auditor) => admin.ask('PUT', `/api/v1/users/${auditor.name}`, { body: { role: 'researcher' } }),
    ],
    [
      'another password',
      (admin, auditor) =>
        admin.ask('PUT', `/api/v1/users/${auditor.name}`, { body: { password: 'a long enough password' } }),
    ],
    ['being removed', (admin, auditor) => admin.ask('DELETE', `/api/v1/users/${auditor.name}`)],
    [
      'an administrator who ends it',
      async (admin, auditor) => {
        const { body } = await admin.ask('GET', '/api/v1/sessions');
        const { sessions } = body as { sessions: { id: string; user: string }[] };
        const id = sessions.find(({ user }) => user === auditor.name)?.id ?? '';
        return admin.ask('DELETE', `/api/v1/sessions/${id}`);
      },
    ],
  ])('by %s ends the connection, and no other', async (_, act) => {
    const [admin, auditor] = [await somebody('administrator'), await somebody('auditor')];
    const other = await subscribed(admin);
    const page = await subscribed(auditor);
    await act(admin, auditor);
    await page.gone;
    expect(page.events.at(-1)).toEqual(signedOut('ended'));
    expect(other.socket.connected).toBe(true);
  });

  it('by time ends it too, though the page has listened all the while', async () => {
    const page = await subscribed(await somebody('auditor'));
    world.time.nowMs += 29 * 60_000;
    await feed.look();
    expect(page.socket.connected).toBe(true);
    world.time.nowMs += 60_000;
    await page.gone;
    expect(page.events.at(-1)).toEqual(signedOut('expired'));
  });
});
