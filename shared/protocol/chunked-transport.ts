/**
 * Puts a chunked channel on every connection of a transport, so that round and session go on seeing whole messages.
 * The coordinator takes a few uploads at once and lets the others wait: its memory does not grow with the cohort.
 */
import type { SiteId } from '../ids.ts';
import { ChunkedChannel } from './chunked-channel.ts';
import { TransferSlots } from './transfer-slots.ts';
import { DEFAULT_CHUNK_BYTES, type TransferRefusal } from './transfer-messages.ts';
import type { CoordinatorLink, GatewayHandlers, SiteGateway } from './transport.ts';

/** Updates that are in memory at once while they arrive. More would not be faster: the network is shared. */
const DEFAULT_CONCURRENT_UPLOADS = 4;

export interface ChunkedGatewayHandlers extends GatewayHandlers {
  /** The site broke the rules of transfer. */
  refused(siteId: SiteId, reason: TransferRefusal): void;
  /** Bytes of this site advance, or it waits for those of others. */
  advanced(siteId: SiteId): void;
  /** Resolves once the frames that were handed over are done with: until then they have their place in memory. */
  handled?(): Promise<void>;
}

export interface ChunkedGateway extends Pick<SiteGateway, 'send' | 'close'> {
  listen(handlers: ChunkedGatewayHandlers): void;
  /** The sites whose uploads wait for those of others. */
  waiting(): Iterable<SiteId>;
  /** Frees the memory of what the site has begun to send: it is out of the round. */
  abandon(siteId: SiteId): void;
}

export interface ChunkedGatewayOptions {
  /** Exact length of the payload that a site may send. */
  expectedBytes(): number;
  readonly chunkBytes?: number | undefined;
  readonly concurrentUploads?: number | undefined;
}

export function chunkedGateway(gateway: SiteGateway, options: ChunkedGatewayOptions): ChunkedGateway {
  const { chunkBytes = DEFAULT_CHUNK_BYTES, concurrentUploads = DEFAULT_CONCURRENT_UPLOADS } = options;
  const channels = new Map<SiteId, ChunkedChannel>();
  const slots = new TransferSlots<{ readonly siteId: SiteId }>(concurrentUploads);
  let handlers: ChunkedGatewayHandlers | undefined;

  const waitingSites = (): SiteId[] => [...slots.waiting()].map(({ siteId }) => siteId);
  const advanced = (siteId: SiteId): void => {
    handlers?.advanced(siteId);
    // Those in the queue are not slow: they wait for this one.
    for (const waiting of waitingSites()) handlers?.advanced(waiting);
  };
  const channelOf = (siteId: SiteId): ChunkedChannel => {
    const known = channels.get(siteId);
    if (known) return known;
    const channel = new ChunkedChannel({
      chunkBytes,
      expectedBytes: () => options.expectedBytes(),
      transmit: (frame) => {
        gateway.send(siteId, frame);
      },
      deliver: (frame) => handlers?.frame(siteId, frame),
      refused: (reason) => handlers?.refused(siteId, reason),
      advanced: () => {
        advanced(siteId);
      },
      claim: (start) => {
        const place = { siteId };
        slots.claim(place, start);
        // One that has to wait is not slow: a site that stands still in its place must not cost it the round.
        handlers?.advanced(siteId);
        return () => {
          slots.free(place);
        };
      },
      handled: () => handlers?.handled?.() ?? Promise.resolve(),
    });
    channels.set(siteId, channel);
    return channel;
  };
  return {
    listen: (next) => {
      handlers = next;
      gateway.listen({
        connected: (siteId) => {
          channels.get(siteId)?.reconnected();
          next.connected(siteId);
        },
        disconnected: (siteId) => {
          channels.get(siteId)?.close();
          channels.delete(siteId);
          next.disconnected(siteId);
        },
        frame: (siteId, frame) => {
          channelOf(siteId).receive(frame);
        },
      });
    },
    waiting: waitingSites,
    abandon: (siteId) => {
      channels.get(siteId)?.abandonIncoming();
    },
    send: (siteId, frame) => {
      channelOf(siteId).send(frame);
    },
    close: () => {
      gateway.close();
    },
  };
}

export interface ChunkedLinkOptions {
  /** Exact length of the model that the coordinator may send now; 0 when none is due. */
  expectedBytes(): number;
  readonly chunkBytes?: number | undefined;
  /** Shared by sites that live in one process, so that their models do not arrive all at once. */
  readonly slots?: TransferSlots<object> | undefined;
}

/** The site's end. A coordinator that breaks the rules of transfer is told so and otherwise ignored. */
export function chunkedLink(link: CoordinatorLink, options: ChunkedLinkOptions): CoordinatorLink {
  const { chunkBytes = DEFAULT_CHUNK_BYTES, slots = new TransferSlots<object>(1) } = options;
  let deliver: CoordinatorLinkFrame = () => undefined;
  const channel = new ChunkedChannel({
    chunkBytes,
    expectedBytes: () => options.expectedBytes(),
    transmit: (frame) => {
      link.send(frame);
    },
    deliver: (frame) => {
      deliver(frame);
    },
    refused: () => undefined,
    advanced: () => undefined,
    claim: (start) => {
      const place = {};
      slots.claim(place, start);
      return () => {
        slots.free(place);
      };
    },
  });
  return {
    listen: (handlers) => {
      deliver = (frame) => {
        handlers.frame(frame);
      };
      link.listen({
        connected: () => {
          channel.reconnected();
          handlers.connected();
        },
        disconnected: () => {
          handlers.disconnected();
        },
        frame: (frame) => {
          channel.receive(frame);
        },
      });
    },
    send: (frame) => {
      channel.send(frame);
    },
    close: () => {
      channel.close();
      link.close();
    },
  };
}

type CoordinatorLinkFrame = Parameters<CoordinatorLink['listen']>[0]['frame'];
