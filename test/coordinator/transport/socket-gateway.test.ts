import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { io, type Socket } from 'socket.io-client';
import { afterEach, describe, expect, it } from 'vitest';
import { createIdentity } from '../../../shared/crypto/identity.ts';
import { signStatement } from '../../../shared/crypto/statement.ts';
import { siteIdSchema } from '../../../shared/ids.ts';
import { connectStatement, SITE_PATH } from '../../../shared/protocol/handshake.ts';
import { PROTOCOL_VERSION } from '../../../shared/protocol/version.ts';
import {
  createSocketWorld,
  FEDERATION_ID,
  type SocketWorld,
  type SocketWorldOptions,
} from '../../contracts/socket-world.ts';
import { recordGateway, recordLink } from '../../contracts/transport-contract.ts';

const a = siteIdSchema.parse('a');
const pem = (name: string): string =>
  readFileSync(new URL(`../../fixtures/tls/${name}.pem`, import.meta.url), 'utf8');

let world: SocketWorld | undefined;
const raw: Socket[] = [];
afterEach(async () => {
  for (const socket of raw.splice(0)) socket.disconnect();
  await world?.close();
  world = undefined;
});
const open = async (options: Partial<SocketWorldOptions> = {}): Promise<SocketWorld> => {
  world = await createSocketWorld({ sites: [a], ...options });
  return world;
};

/** A program that speaks socket.io and nothing else. */
function stranger(url: string, options: Parameters<typeof io>[1] = {}): Socket {
  const socket = io(url, {
    ...{ path: SITE_PATH, transports: ['websocket'], reconnection: false, forceNew: true },
    ...options,
  });
  raw.push(socket);
  return socket;
}

/** How the attempt ends: 'connected', or the words of the refusal. */
const fate = (socket: Socket): Promise<string> =>
  new Promise((resolve) => {
    socket.on('connect', () => {
      resolve('connected');
    });
    socket.on('connect_error', (error) => {
      resolve(error.message);
    });
  });

/** A right answer to the challenge of this connection, with parts replaced. */
function answerOf(world: SocketWorld, socket: Socket, changes: Record<string, unknown> = {}): object {
  const identity = world.identities.get(a) ?? createIdentity();
  const claim = { federationId: FEDERATION_ID, siteId: a, challenge: socket.io.engine.id };
  const { purpose, fields } = connectStatement({ ...claim, ...changes });
  return {
    protocolVersion: PROTOCOL_VERSION,
    siteId: a,
    signature: signStatement(identity, purpose, fields),
    ...changes,
  };
}

const attempt = (world: SocketWorld, make: (socket: Socket) => object): Promise<string> => {
  const socket: Socket = stranger(world.url, {
    auth: (answer: (data: object) => void) => {
      answer(make(socket));
    },
  });
  return fate(socket);
};

describe('the handshake', () => {
  it('lets in who signs the challenge of this connection', async () => {
    const world = await open();
    expect(await attempt(world, (socket) => answerOf(world, socket))).toBe('connected');
    expect(world.gateway.connectedSites).toEqual([a]);
  });

  it.each([
    ['nothing', () => ({}), 'malformed'],
    ['an unknown key beside the right ones', (answer: object) => ({ ...answer, admin: true }), 'malformed'],
    ['a name with a path', (answer: object) => ({ ...answer, siteId: '../a' }), 'malformed'],
    [
      '__proto__',
      (answer: object) => JSON.parse(JSON.stringify(answer).replace('{', '{"__proto__":{},')) as object,
      'malformed',
    ],
    ['another version', (answer: object) => ({ ...answer, protocolVersion: 999 }), 'protocol-version'],
    ['an unknown site', (answer: object) => ({ ...answer, siteId: 'nobody' }), 'unknown-site'],
    ['a wrong signature', (answer: object) => ({ ...answer, signature: '0'.repeat(128) }), 'bad-signature'],
  ])('refuses %s', async (_, change, reason) => {
    const world = await open();
    expect(await attempt(world, (socket) => change(answerOf(world, socket)))).toBe(reason);
    expect(world.reports).toMatchObject([{ kind: 'refused', reason }]);
    expect(world.gateway.connectedSites).toEqual([]);
  });

  it('refuses an answer that was recorded on another connection', async () => {
    const world = await open();
    let recorded: object = {};
    const first = await attempt(world, (socket) => (recorded = answerOf(world, socket)));
    expect(first).toBe('connected');
    expect(await attempt(world, () => recorded)).toBe('bad-signature');
  });

  it('refuses a signature for another federation, and by another key', async () => {
    const world = await open();
    const elsewhere = { federationId: 'another-federation' };
    const { signature } = await new Promise<{ signature: string }>((resolve) => {
      void attempt(world, (socket) => {
        const { purpose, fields } = connectStatement({
          siteId: a,
          challenge: socket.io.engine.id,
          ...elsewhere,
        });
        const made = signStatement(world.identities.get(a) ?? createIdentity(), purpose, fields);
        resolve({ signature: made });
        return { ...answerOf(world, socket), signature: made };
      });
    });
    expect(signature).toHaveLength(128);
    await world.reported('refused');
    const thief = createIdentity();
    const stolen = await attempt(world, (socket) => {
      const claim = { federationId: FEDERATION_ID, siteId: a, challenge: socket.io.engine.id };
      const { purpose, fields } = connectStatement(claim);
      return { ...answerOf(world, socket), signature: signStatement(thief, purpose, fields) };
    });
    expect(stolen).toBe('bad-signature');
  });

  it('tells neither stack nor path with a refusal', async () => {
    const world = await open();
    const socket = stranger(world.url, { auth: {} });
    const error = await new Promise<Error & { data?: unknown }>((resolve) => {
      socket.on('connect_error', resolve);
    });
    expect(error.data).toEqual({ reason: 'malformed' });
    expect(error.message).toBe('malformed');
  });

  it('has no business with browsers and no other transport than websocket', async () => {
    const world = await open();
    const browser = stranger(world.url, { extraHeaders: { origin: 'https://example.org' } });
    expect(await fate(browser)).not.toBe('connected');
    expect(await fate(stranger(world.url, { transports: ['polling'] }))).not.toBe('connected');
    expect(world.gateway.connectedSites).toEqual([]);
  });
});

describe('a connected site', () => {
  it('is replaced by its newer connection, without anybody leaving', async () => {
    const world = await open();
    const events = recordGateway(world.gateway);
    const first: Socket = stranger(world.url, {
      auth: (answer: (data: object) => void) => {
        answer(answerOf(world, first));
      },
    });
    const gone = new Promise((resolve) => first.on('disconnect', resolve));
    expect(await fate(first)).toBe('connected');
    expect(await attempt(world, (socket) => answerOf(world, socket))).toBe('connected');
    await gone;
    await events.atLeast(2);
    expect(events.items.map(({ kind }) => kind)).toEqual(['connected', 'connected']);
    expect(world.gateway.connectedSites).toEqual([a]);
  });

  it.each([
    ['an event that is none', 'shutdown', '{"type":"shutdown"}', null],
    ['a header of another event', 'update', '{"type":"advertise"}', null],
    ['no header', 'update', { type: 'update' }, null],
    ['a payload that is no bytes', 'update', '{"type":"update"}', { length: 5 }],
  ])('loses its connection for %s', async (_, event, header, payload) => {
    const world = await open();
    const events = recordGateway(world.gateway);
    const socket: Socket = stranger(world.url, {
      auth: (answer: (data: object) => void) => {
        answer(answerOf(world, socket));
      },
    });
    const gone = new Promise((resolve) => socket.on('disconnect', resolve));
    await fate(socket);
    socket.emit(event, header, payload);
    await gone;
    expect(world.reports).toContainEqual({ kind: 'closed', siteId: a, reason: 'malformed' });
    expect(events.items.filter(({ kind }) => kind === 'frame')).toEqual([]);
  });

  it('loses its connection when it sends faster than it may', async () => {
    const world = await open({ gateway: { frameLimits: { capacity: 10, perSecond: 0 } } });
    const events = recordGateway(world.gateway);
    const link = world.linkOf(a);
    const ends = recordLink(link);
    await ends.atLeast(1);
    for (let i = 0; i < 11; i++) link.send({ header: '{"type":"progress"}' });
    await world.reported('closed');
    expect(world.reports).toContainEqual({ kind: 'closed', siteId: a, reason: 'flood' });
    // It was reported as connected first, and comes back by itself.
    const frames = (): number => events.items.filter(({ kind }) => kind === 'frame').length;
    while (frames() < 10) await events.atLeast(events.items.length + 1);
    expect(frames()).toBe(10);
  });

  it('cannot send a message above the limit', async () => {
    const world = await open();
    const socket: Socket = stranger(world.url, {
      auth: (answer: (data: object) => void) => {
        answer(answerOf(world, socket));
      },
    });
    const gone = new Promise((resolve) => socket.on('disconnect', resolve));
    await fate(socket);
    socket.emit('update', '{"type":"update"}', new Uint8Array(8 << 20));
    await gone;
    await world.reported('connected');
  });

  it('is reported lost after the grace, and at once when it is expelled', async () => {
    const world = await open({ gateway: { graceMs: 20 } });
    const events = recordGateway(world.gateway);
    const link = world.linkOf(a, { backoff: { firstMs: 60_000, longestMs: 60_000 } });
    await recordLink(link).atLeast(1);
    world.cut();
    await world.reported('lost');
    expect(events.items.map(({ kind }) => kind)).toEqual(['connected', 'disconnected']);
    const again = world.linkOf(a, { backoff: { firstMs: 60_000, longestMs: 60_000 } });
    await recordLink(again).atLeast(1);
    world.gateway.expel(a);
    expect(world.gateway.connectedSites).toEqual([]);
    expect(events.items.map(({ kind }) => kind).slice(2)).toEqual(['connected', 'disconnected']);
  });
});

describe('a site over TLS', () => {
  it('connects with the authority that it was given', async () => {
    const world = await open({ tls: { key: pem('localhost-key'), cert: pem('localhost-cert') } });
    const ends = recordLink(world.linkOf(a, { ca: pem('localhost-cert') }));
    await ends.atLeast(1);
    expect(world.gateway.connectedSites).toEqual([a]);
  });

  it.each([
    ['does not know the authority', {}],
    ['trusts another one', { ca: 'other-cert' }],
  ])('does not connect when it %s, and says why', async (_, { ca }: { ca?: string }) => {
    const world = await open({ tls: { key: pem('localhost-key'), cert: pem('localhost-cert') } });
    const link = world.linkOf(a, ca === undefined ? {} : { ca: pem(ca) });
    recordLink(link);
    const status = await link.status('waiting');
    expect(status).toMatchObject({
      reason: expect.stringMatching(
        /^the certificate that localhost:\d+ shows \(for localhost, issued by localhost\) is signed by an authority.*coordinator\.authority/,
      ) as string,
    });
    expect(world.gateway.connectedSites).toEqual([]);
  });

  it('says which certificate has expired and when, goes on trying, and comes in once there is another', async () => {
    const expired = { key: pem('localhost-key'), cert: pem('expired-cert') };
    const world = await open({ tls: expired });
    const link = world.linkOf(a, { ca: `${pem('expired-cert')}${pem('localhost-cert')}` });
    const ends = recordLink(link);
    expect(await link.status('waiting')).toMatchObject({
      reason: expect.stringMatching(
        /for localhost, issued by localhost\) has expired, on 2021-03-01 12:00 UTC: the coordinator's administrator has to renew it/,
      ) as string,
    });
    world.renew({ key: pem('localhost-key'), cert: pem('localhost-cert') });
    await ends.atLeast(1);
    expect(world.gateway.connectedSites).toEqual([a]);
  });
});

it('sends a frame to many and to one of them twice, in the order in which it was told', async () => {
  const b = siteIdSchema.parse('b');
  const world = await open({ sites: [a, b] });
  const gateway = recordGateway(world.gateway);
  const links = [recordLink(world.linkOf(a)), recordLink(world.linkOf(b))];
  await gateway.atLeast(2);
  const [same, other] = [{ header: '{"type":"announce"}' }, { header: '{"type":"train","n":1}' }];
  for (const siteId of [a, b]) world.gateway.send(siteId, same);
  world.gateway.send(a, other);
  world.gateway.send(a, same);
  world.gateway.send(a, same);
  world.gateway.send(b, other);
  await Promise.all([links[0]?.atLeast(5), links[1]?.atLeast(3)]);
  const headers = links.map(({ items }) =>
    items.flatMap((event) => (event.kind === 'frame' ? [event.frame.header] : [])),
  );
  expect(headers).toEqual([
    [same.header, other.header, same.header, same.header],
    [same.header, other.header],
  ]);
});

it('hears all that a site has said before it hears that the site has left', async () => {
  const world = await open({ sites: [a] });
  const events = recordGateway(world.gateway);
  const link = world.linkOf(a);
  const ends = recordLink(link);
  await Promise.all([events.atLeast(1), ends.atLeast(1)]);
  for (let n = 0; n < 20; n++) link.send({ header: `{"type":"progress","n":${String(n)}}` });
  link.close();
  await events.atLeast(22);
  const kinds = events.items.map(({ kind }) => kind);
  expect(kinds).toEqual(['connected', ...Array.from({ length: 20 }, () => 'frame'), 'disconnected']);
});

it('survives bytes that are no HTTP', async () => {
  const world = await open();
  const { port, hostname } = new URL(world.url);
  const socket = connect(Number(port), hostname);
  const closed = new Promise((resolve) =>
    socket
      .on('error', () => undefined)
      .on('close', resolve)
      .resume(),
  );
  socket.write(Buffer.from([0, 255, 13, 10, 13, 10]));
  await closed;
  expect(await attempt(world, (site) => answerOf(world, site))).toBe('connected');
});
