/**
 * Coordinator and sites in one process: frames are delivered by the clock, in order, after a latency. Frames are the
 * encoded ones, so that everything but the socket is as in production. For tests, frames can be changed on the way.
 */
import type { Clock } from '../../shared/clock.ts';
import type { SiteId } from '../../shared/ids.ts';
import type { Frame } from '../../shared/protocol/codec.ts';
import type {
  CoordinatorLink,
  GatewayHandlers,
  LinkHandlers,
  SiteGateway,
} from '../../shared/protocol/transport.ts';

export type Direction = 'up' | 'down';

export interface MemoryTransportOptions {
  readonly clock: Clock;
  readonly sites: readonly SiteId[];
  /** One way. Default 1 ms. */
  readonly latencyMs?: (siteId: SiteId) => number;
  /** What arrives instead of a frame: itself, nothing, several, something else. */
  readonly intercept?: (direction: Direction, siteId: SiteId, frame: Frame) => readonly Frame[];
}

/** Bytes that the site has sent and received: headers and payloads. */
export interface Traffic {
  up: number;
  down: number;
}

export interface MemoryTransport {
  readonly gateway: SiteGateway;
  linkOf(siteId: SiteId): CoordinatorLink;
  /** Loses the connection, and with it all that is under way. */
  disconnect(siteId: SiteId): void;
  reconnect(siteId: SiteId): void;
  trafficOf(siteId: SiteId): Readonly<Traffic>;
}

interface Line {
  connected: boolean;
  /** Counts connections: what was sent on an earlier one is lost. */
  generation: number;
  handlers: LinkHandlers | undefined;
  readonly traffic: Traffic;
}

const frameBytes = (frame: Frame): number =>
  Buffer.byteLength(frame.header) + (frame.payload?.byteLength ?? 0);

/** All sites are connected from the start. */
export function createMemoryTransport(options: MemoryTransportOptions): MemoryTransport {
  return new InMemory(options);
}

class InMemory implements MemoryTransport {
  readonly gateway: SiteGateway;
  readonly #options: MemoryTransportOptions;
  readonly #lines: ReadonlyMap<SiteId, Line>;
  #gatewayHandlers: GatewayHandlers | undefined;

  constructor(options: MemoryTransportOptions) {
    this.#options = options;
    this.#lines = new Map(
      options.sites.map((siteId): [SiteId, Line] => [
        siteId,
        { connected: true, generation: 0, handlers: undefined, traffic: { up: 0, down: 0 } },
      ]),
    );
    this.gateway = {
      listen: (handlers) => {
        this.#gatewayHandlers = handlers;
        for (const [siteId, line] of this.#lines) if (line.connected) handlers.connected(siteId);
      },
      send: (siteId, frame) => {
        this.#carry('down', siteId, frame);
      },
      close: () => {
        this.#gatewayHandlers = undefined;
      },
    };
  }

  linkOf(siteId: SiteId): CoordinatorLink {
    return {
      listen: (handlers) => {
        const line = this.#lines.get(siteId);
        if (!line) return;
        line.handlers = handlers;
        if (line.connected) handlers.connected();
      },
      send: (frame) => {
        this.#carry('up', siteId, frame);
      },
      close: () => {
        this.disconnect(siteId);
      },
    };
  }

  disconnect(siteId: SiteId): void {
    const line = this.#lines.get(siteId);
    if (!line?.connected) return;
    line.connected = false;
    line.generation++;
    line.handlers?.disconnected();
    this.#gatewayHandlers?.disconnected(siteId);
  }

  reconnect(siteId: SiteId): void {
    const line = this.#lines.get(siteId);
    if (!line || line.connected) return;
    line.connected = true;
    this.#gatewayHandlers?.connected(siteId);
    line.handlers?.connected();
  }

  trafficOf(siteId: SiteId): Readonly<Traffic> {
    return this.#lines.get(siteId)?.traffic ?? { up: 0, down: 0 };
  }

  #carry(direction: Direction, siteId: SiteId, sent: Frame): void {
    const { clock, latencyMs, intercept } = this.#options;
    const line = this.#lines.get(siteId);
    if (!line?.connected) return;
    const { generation } = line;
    for (const frame of intercept?.(direction, siteId, sent) ?? [sent]) {
      line.traffic[direction] += frameBytes(frame);
      clock.schedule(latencyMs?.(siteId) ?? 1, () => {
        if (line.generation !== generation) return;
        if (direction === 'up') this.#gatewayHandlers?.frame(siteId, frame);
        else line.handlers?.frame(frame);
      });
    }
  }
}
