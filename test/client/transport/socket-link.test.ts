import { createServer, type AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { Backoff } from '../../../client/transport/backoff.ts';
import { createSocketLink } from '../../../client/transport/socket-link.ts';
import { createIdentity } from '../../../shared/crypto/identity.ts';
import { siteIdSchema } from '../../../shared/ids.ts';
import { createSocketWorld, type SocketWorld } from '../../contracts/socket-world.ts';
import { recordLink } from '../../contracts/transport-contract.ts';

const a = siteIdSchema.parse('a');
let world: SocketWorld | undefined;
afterEach(async () => {
  await world?.close();
  world = undefined;
});

describe('backoff', () => {
  const limits = { firstMs: 500, longestMs: 30_000 };

  it('doubles up to its cap', () => {
    const backoff = new Backoff(limits, { uniform: () => 0 });
    const delays = Array.from({ length: 9 }, () => backoff.nextMs());
    expect(delays).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
    backoff.reset();
    expect(backoff.nextMs()).toBe(500);
  });

  it('draws from the upper half of each span and stays finite for ever', () => {
    const backoff = new Backoff(limits, { uniform: () => 0.5 });
    expect(backoff.nextMs()).toBe(375);
    for (let i = 0; i < 5000; i++) backoff.nextMs();
    expect(backoff.nextMs()).toBe(22_500);
  });
});

describe('a link', () => {
  it('keeps trying while it is refused, and says what to do', async () => {
    world = await createSocketWorld({ sites: [a] });
    const stranger = world.linkOf(siteIdSchema.parse('nobody'));
    recordLink(stranger);
    const refused = await stranger.status('waiting');
    expect(refused).toMatchObject({ reason: expect.stringContaining('ask its administrator') as string });
    const impostor = world.linkOf(a, { identity: createIdentity() });
    recordLink(impostor);
    const wrong = await impostor.status('waiting');
    expect(wrong).toMatchObject({ reason: expect.stringContaining('another key') as string });
  });

  it('comes in once it has been enrolled', async () => {
    let known = false;
    const identity = createIdentity();
    world = await createSocketWorld({
      sites: [],
      gateway: { keyOf: () => (known ? identity.publicKey : undefined) },
    });
    const link = world.linkOf(a, { identity });
    const events = recordLink(link);
    await link.status('waiting');
    known = true;
    await events.atLeast(1);
    expect(world.gateway.connectedSites).toEqual([a]);
  });

  it('comes back for ever, after growing delays with a cap, until it is closed', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    // A server that listens on TCP has such an address. Once it is closed nobody answers there.
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    const delays: number[] = [];
    const enough = 12;
    await new Promise<void>((resolve) => {
      const link = createSocketLink({
        ...{ url: `http://127.0.0.1:${String(port)}`, federationId: 'f', siteId: a },
        identity: createIdentity(),
        // Time jumps to the next attempt.
        clock: {
          nowMs: () => 0,
          elapsedMs: () => 0,
          schedule: (delayMs, action) => {
            delays.push(delayMs);
            if (delays.length < enough) setImmediate(action);
            else {
              link.close();
              resolve();
            }
            return () => undefined;
          },
        },
      });
      recordLink(link);
    });
    const spans = [500, 1000, 2000, 4000, 8000, 16_000, ...Array<number>(6).fill(30_000)];
    expect(delays).toHaveLength(spans.length);
    for (const [i, span] of spans.entries()) {
      expect(delays[i], String(i)).toBeGreaterThan(span / 2);
      expect(delays[i], String(i)).toBeLessThanOrEqual(span);
    }
    expect(new Set(delays.slice(6)).size).toBeGreaterThan(1);
  });

  it('drops what is sent while it is away', async () => {
    world = await createSocketWorld({ sites: [a] });
    const link = world.linkOf(a);
    link.send({ header: '{"type":"progress"}' });
    const events = recordLink(link);
    await events.atLeast(1);
    expect(events.items).toEqual([{ kind: 'connected' }]);
  });

  it('is quiet after it has been closed', async () => {
    world = await createSocketWorld({ sites: [a] });
    const link = world.linkOf(a);
    const events = recordLink(link);
    await events.atLeast(1);
    link.close();
    await world.reported('lost');
    expect(link.statuses).toEqual([{ kind: 'connected' }]);
  });
});
