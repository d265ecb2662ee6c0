import { siteIdSchema } from '../../shared/ids.ts';
import { createMemoryTransport } from '../../simulations/virtual/memory-transport.ts';
import { createVirtualClock } from '../../simulations/virtual/virtual-clock.ts';
import { createSocketWorld } from './socket-world.ts';
import { transportContract } from './transport-contract.ts';

const sites = ['a', 'b'].map((name) => siteIdSchema.parse(name));

transportContract('in memory', () => {
  const clock = createVirtualClock();
  const transport = createMemoryTransport({ clock, sites });
  return Promise.resolve({
    gateway: transport.gateway,
    linkOf: (siteId) => transport.linkOf(siteId),
    interrupt: (siteId) => {
      transport.interrupt(siteId);
      transport.reconnect(siteId);
    },
    wait: (promise) => clock.runUntil(promise),
    close: () => Promise.resolve(),
  });
});

transportContract('socket.io on loopback', async () => {
  const world = await createSocketWorld({ sites, gateway: { graceMs: 500 } });
  return {
    gateway: world.gateway,
    linkOf: (siteId) => world.linkOf(siteId),
    interrupt: () => {
      world.cut();
    },
    wait: (promise) => promise,
    close: () => world.close(),
  };
});
