/** The transports that the suites of secure aggregation run over. */
import { systemClock } from '../../shared/clock.ts';
import { identityFromSeed, type Identity } from '../../shared/crypto/identity.ts';
import type { SiteId } from '../../shared/ids.ts';
import { createMemoryTransport } from '../../simulations/virtual/memory-transport.ts';
import { createVirtualClock } from '../../simulations/virtual/virtual-clock.ts';
import type { TransportFactory } from './secagg-world.ts';
import { createSocketWorld } from './socket-world.ts';

/** Long-term identities, as the name says: made once. */
const identities = new Map<SiteId, Identity>();

function identityOf(siteId: SiteId): Identity {
  const known = identities.get(siteId);
  if (known) return known;
  const identity = identityFromSeed(new Uint8Array(32).fill(identities.size + 1));
  identities.set(siteId, identity);
  return identity;
}

export const inMemory: TransportFactory = (sites) => {
  const clock = createVirtualClock();
  const transport = createMemoryTransport({ clock, sites });
  return Promise.resolve({
    clock,
    identities: new Map(sites.map((siteId) => [siteId, identityOf(siteId)])),
    // A message takes a millisecond; the answer to it another.
    arrivalMs: 1.5,
    gateway: transport.gateway,
    linkOf: (siteId) => transport.linkOf(siteId),
    interrupt: (siteId) => {
      transport.interrupt(siteId);
      transport.reconnect(siteId);
    },
    disconnect: (siteId) => {
      transport.disconnect(siteId);
    },
    reconnect: (siteId) => {
      transport.reconnect(siteId);
    },
    track: (work) => clock.track(work),
    wait: (promise) => clock.runUntil(promise),
    close: () => Promise.resolve(),
  });
};

export const overSockets: TransportFactory = async (sites) => {
  const world = await createSocketWorld({ sites, gateway: { graceMs: 50 } });
  const links = new Map(sites.map((siteId) => [siteId, world.linkOf(siteId)]));
  return {
    clock: systemClock,
    arrivalMs: 30,
    identities: world.identities,
    gateway: world.gateway,
    linkOf: (siteId) => links.get(siteId) ?? world.linkOf(siteId),
    interrupt: () => {
      world.cut();
    },
    disconnect: (siteId) => {
      links.get(siteId)?.close();
    },
    track: (work) => work,
    wait: (promise) => promise,
    close: () => world.close(),
  };
};
