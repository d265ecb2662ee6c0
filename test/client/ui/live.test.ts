import { io, type Socket } from 'socket.io-client';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { contextOf, planOf } from '../../coordinator/fixtures.ts';
import { createPageWorld, type PagePerson, type PageWorld } from './page-world.ts';

let world: PageWorld;
let person: PagePerson;
let sockets: Socket[];
beforeEach(async () => {
  world = await createPageWorld();
  person = await world.person();
  sockets = [];
});
afterEach(async () => {
  for (const socket of sockets) socket.disconnect();
  await world.close();
});

const own = (): string => `http://127.0.0.1:${String(world.server.port)}`;

function connect(headers: Readonly<Record<string, string>>): Socket {
  const socket = io(own(), {
    ...{ path: '/live', transports: ['websocket'], reconnection: false, forceNew: true },
    extraHeaders: headers,
  });
  sockets.push(socket);
  return socket;
}

interface Event {
  readonly topic: string;
  readonly state?: {
    readonly agent: string;
    readonly now: { readonly round: { readonly phase: string } | null };
  };
}

/** Resolves with the first event that fits. */
const heard = (socket: Socket, fits: (event: Event) => boolean): Promise<Event> =>
  new Promise((resolve) => {
    socket.on('live', (event: Event) => {
      if (fits(event)) resolve(event);
    });
  });
const outcome = (socket: Socket): Promise<string> =>
  new Promise((resolve) => {
    socket.once('connect', () => {
      resolve('connected');
    });
    socket.once('connect_error', ({ message }) => {
      resolve(message);
    });
  });

it('greets a page with the state, and tells what the agent does and that it ends', async () => {
  const socket = connect({ cookie: person.cookie, origin: own() });
  const greeting = await heard(socket, ({ topic }) => topic === 'state');
  expect(greeting.state).toMatchObject({ agent: 'running', now: { round: null } });
  const joined = heard(socket, ({ state }) => state?.now.round?.phase === 'joined');
  const records = heard(socket, ({ topic }) => topic === 'receipts');
  const context = contextOf(planOf());
  world.agent.hear({ kind: 'session', report: { kind: 'joined', context } });
  expect((await joined).state?.now.round).toMatchObject({ runId: context.runId, round: 1 });
  await records;
  const ended = heard(socket, ({ topic }) => topic === 'ended');
  await Promise.all([ended, world.server.close()]);
});

it.each([
  ['no cookie', () => ({ origin: own() }), 'not-logged-in'],
  [
    'the cookie of another agent',
    () => ({ origin: own(), cookie: `consilium-site-${String(world.server.port)}=${'E'.repeat(43)}` }),
    'not-logged-in',
  ],
  ['another page', () => ({ origin: 'http://evil.example', cookie: person.cookie }), 'websocket error'],
  ['no page', () => ({ cookie: person.cookie }), 'websocket error'],
  ['another host', () => ({ origin: own(), cookie: person.cookie, host: 'evil.example' }), 'websocket error'],
])('lets nobody listen with %s', async (_what, headers, expected) => {
  expect(await outcome(connect(headers()))).toBe(expected);
});

it('says nothing more once the session is closed', async () => {
  const socket = connect({ cookie: person.cookie, origin: own() });
  await heard(socket, ({ topic }) => topic === 'state');
  const gone = new Promise((resolve) => socket.once('disconnect', resolve));
  const out = heard(socket, ({ topic }) => topic === 'signed-out');
  await person.ask('POST', '/api/logout', { body: {} });
  expect(await out).toMatchObject({ reason: 'ended' });
  await gone;
});

it('listens to nobody', async () => {
  const socket = connect({ cookie: person.cookie, origin: own() });
  await heard(socket, ({ topic }) => topic === 'state');
  const gone = new Promise((resolve) => socket.once('disconnect', resolve));
  socket.emit('stop', { when: 'at-once' });
  await gone;
  expect(await world.agent.status()).toBe('running');
});
