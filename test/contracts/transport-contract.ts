/** What every transport between coordinator and sites has to do. A world is one coordinator with some sites. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { siteIdSchema, type SiteId } from '../../shared/ids.ts';
import type { Frame } from '../../shared/protocol/codec.ts';
import { MAX_CHUNK_BYTES } from '../../shared/protocol/transfer-messages.ts';
import type { CoordinatorLink, SiteGateway } from '../../shared/protocol/transport.ts';

export interface TransportWorld {
  readonly gateway: SiteGateway;
  linkOf(siteId: SiteId): CoordinatorLink;
  /** The connection breaks and comes back by itself before anybody gives it up. */
  interrupt(siteId: SiteId): void;
  /** Lets time pass until the promise has resolved. */
  wait<T>(promise: Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** Things in the order of their coming, and waiting for so many of them. */
export class Recorder<T> {
  readonly items: T[] = [];
  #waiting: { readonly count: number; readonly resolve: () => void }[] = [];

  add(item: T): void {
    this.items.push(item);
    this.#waiting = this.#waiting.filter(({ count, resolve }) => {
      if (this.items.length < count) return true;
      resolve();
      return false;
    });
  }

  atLeast(count: number): Promise<void> {
    if (this.items.length >= count) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiting.push({ count, resolve });
    });
  }
}

type GatewayEvent =
  | { readonly kind: 'connected' | 'disconnected'; readonly siteId: SiteId }
  | { readonly kind: 'frame'; readonly siteId: SiteId; readonly frame: Frame };
type LinkEvent = { readonly kind: 'connected' | 'disconnected' } | { readonly kind: 'frame'; frame: Frame };

export function recordGateway(gateway: SiteGateway): Recorder<GatewayEvent> {
  const events = new Recorder<GatewayEvent>();
  gateway.listen({
    connected: (siteId) => {
      events.add({ kind: 'connected', siteId });
    },
    disconnected: (siteId) => {
      events.add({ kind: 'disconnected', siteId });
    },
    frame: (siteId, frame) => {
      events.add({ kind: 'frame', siteId, frame });
    },
  });
  return events;
}

export function recordLink(link: CoordinatorLink): Recorder<LinkEvent> {
  const events = new Recorder<LinkEvent>();
  link.listen({
    connected: () => {
      events.add({ kind: 'connected' });
    },
    disconnected: () => {
      events.add({ kind: 'disconnected' });
    },
    frame: (frame) => {
      events.add({ kind: 'frame', frame });
    },
  });
  return events;
}

const [a, b] = [siteIdSchema.parse('a'), siteIdSchema.parse('b')];
const up = (n: number, payload?: Uint8Array): Frame => ({
  header: `{"type":"progress","n":${String(n)}}`,
  ...(payload && { payload }),
});
const down = (n: number, payload?: Uint8Array): Frame => ({
  header: `{"type":"train","n":${String(n)}}`,
  ...(payload && { payload }),
});
const plainFrame = ({ header, payload }: Frame): object =>
  payload ? { header, payload: [...payload.subarray(0, 16)], length: payload.length } : { header };
const framesOf = (events: readonly (GatewayEvent | LinkEvent)[]): object[] =>
  events.flatMap((event) => (event.kind === 'frame' ? [plainFrame(event.frame)] : []));

export function transportContract(name: string, create: () => Promise<TransportWorld>): void {
  describe(`transport contract: ${name}`, () => {
    let world: TransportWorld;
    beforeEach(async () => {
      world = await create();
    });
    afterEach(() => world.close());

    it('carries frames in order and unchanged, to and from the right site', async () => {
      const gateway = recordGateway(world.gateway);
      const links = { a: recordLink(world.linkOf(a)), b: recordLink(world.linkOf(b)) };
      await world.wait(Promise.all([links.a.atLeast(1), links.b.atLeast(1), gateway.atLeast(2)]));
      const bytes = Uint8Array.from({ length: 1000 }, (_, i) => i % 251);
      for (let n = 0; n < 5; n++) world.gateway.send(a, down(n, n % 2 === 0 ? bytes : undefined));
      world.gateway.send(b, down(9));
      await world.wait(Promise.all([links.a.atLeast(6), links.b.atLeast(2)]));
      const sent = [0, 1, 2, 3, 4].map((n) => plainFrame(down(n, n % 2 === 0 ? bytes : undefined)));
      expect(framesOf(links.a.items)).toEqual(sent);
      expect(framesOf(links.b.items)).toEqual([plainFrame(down(9))]);
    });

    it('names the sender of every frame', async () => {
      const gateway = recordGateway(world.gateway);
      const [linkA, linkB] = [world.linkOf(a), world.linkOf(b)];
      const connected = [recordLink(linkA).atLeast(1), recordLink(linkB).atLeast(1), gateway.atLeast(2)];
      await world.wait(Promise.all(connected));
      for (let n = 0; n < 4; n++) linkA.send(up(n, Uint8Array.of(n)));
      linkB.send(up(7));
      await world.wait(gateway.atLeast(7));
      const from = (siteId: SiteId): object[] =>
        framesOf(gateway.items.filter((event) => event.kind === 'frame' && event.siteId === siteId));
      expect(from(a)).toEqual([0, 1, 2, 3].map((n) => plainFrame(up(n, Uint8Array.of(n)))));
      expect(from(b)).toEqual([plainFrame(up(7))]);
    });

    it('carries the largest chunk that the protocol knows', async () => {
      const gateway = recordGateway(world.gateway);
      const link = world.linkOf(a);
      const events = recordLink(link);
      await world.wait(Promise.all([events.atLeast(1), gateway.atLeast(1)]));
      const largest = new Uint8Array(MAX_CHUNK_BYTES).fill(7);
      link.send(up(1, largest));
      world.gateway.send(a, down(1, largest));
      const arrived = (async () => {
        await events.atLeast(2);
        while (framesOf(gateway.items).length === 0) await gateway.atLeast(gateway.items.length + 1);
      })();
      await world.wait(arrived);
      expect(framesOf(events.items)).toEqual([plainFrame(down(1, largest))]);
      expect(framesOf(gateway.items)).toEqual([plainFrame(up(1, largest))]);
    });

    it('reports connected sites to whoever begins to listen', async () => {
      const first = recordGateway(world.gateway);
      const events = recordLink(world.linkOf(a));
      await world.wait(Promise.all([events.atLeast(1), first.atLeast(1)]));
      const second = recordGateway(world.gateway);
      expect(second.items).toContainEqual({ kind: 'connected', siteId: a });
    });

    it('says at both ends when a lost connection is back, and that nobody has left', async () => {
      const gateway = recordGateway(world.gateway);
      const link = world.linkOf(a);
      const events = recordLink(link);
      await world.wait(Promise.all([events.atLeast(1), gateway.atLeast(1)]));
      const before = gateway.items.length;
      world.interrupt(a);
      await world.wait(Promise.all([events.atLeast(3), gateway.atLeast(before + 1)]));
      expect(events.items.map(({ kind }) => kind)).toEqual(['connected', 'disconnected', 'connected']);
      expect(gateway.items.filter(({ kind }) => kind === 'disconnected')).toEqual([]);
      link.send(up(3));
      await world.wait(gateway.atLeast(gateway.items.length + 1));
      expect(framesOf(gateway.items)).toEqual([plainFrame(up(3))]);
    });

    it('reports a site that has closed its connection', async () => {
      const gateway = recordGateway(world.gateway);
      const link = world.linkOf(a);
      const events = recordLink(link);
      await world.wait(Promise.all([events.atLeast(1), gateway.atLeast(1)]));
      const left = (async () => {
        while (!gateway.items.some(({ kind, siteId }) => kind === 'disconnected' && siteId === a))
          await gateway.atLeast(gateway.items.length + 1);
      })();
      link.close();
      await world.wait(left);
      // Nobody is there any more: nothing happens.
      world.gateway.send(a, down(1));
      expect(framesOf(events.items)).toEqual([]);
    });
  });
}
