/**
 * Coordinator and sites in one process: frames are delivered by the clock, in order, after a latency. Frames are the
 * encoded ones, so that everything but the socket is as in production. For tests, frames can be changed on the way.
 */
import type { SiteId } from '../../shared/ids.ts';
import type { Frame } from '../../shared/protocol/codec.ts';
import {
  CLIENT_TO_SERVER,
  clientToServerHandlers,
  eventOf,
  SERVER_TO_CLIENT,
  serverToClientHandlers,
  type ClientToServerEvents,
  type FrameHandler,
  type Receipt,
  type ServerToClientEvents,
} from '../../shared/protocol/event-maps.ts';
import type {
  CoordinatorLink,
  GatewayHandlers,
  LinkHandlers,
  SiteGateway,
} from '../../shared/protocol/transport.ts';
import type { VirtualClock } from './virtual-clock.ts';

export type Direction = 'up' | 'down';

export interface MemoryTransportOptions {
  readonly clock: Pick<VirtualClock, 'deliver'>;
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
  /** Loses all that is under way without anybody at the coordinator noticing: `reconnect` or `disconnect` follows. */
  interrupt(siteId: SiteId): void;
  /** Resolves when nothing is under way in either direction. */
  drained(): Promise<void>;
  trafficOf(siteId: SiteId): Readonly<Traffic>;
}

interface Line {
  connected: boolean;
  /** As the coordinator sees it. */
  reported: boolean;
  /** Counts connections: what was sent on an earlier one is lost. */
  generation: number;
  handlers: LinkHandlers | undefined;
  /** The events of the connection at the coordinator's end, and at the site's. */
  readonly up: ClientToServerEvents;
  readonly down: ServerToClientEvents;
  readonly traffic: Traffic;
}

const frameBytes = (frame: Frame): number =>
  Buffer.byteLength(frame.header) + (frame.payload?.byteLength ?? 0);

/** As a socket does it: a frame that is no known event reaches nobody. */
function emit<E extends string>(
  handlers: Readonly<Record<E, FrameHandler>>,
  events: readonly E[],
  frame: Frame,
  arrived: Receipt,
): void {
  const event = eventOf(events, frame);
  if (event === undefined) arrived();
  else handlers[event](frame.header, frame.payload ?? null, arrived);
}

/** All sites are connected from the start. */
export function createMemoryTransport(options: MemoryTransportOptions): MemoryTransport {
  return new InMemory(options);
}

class InMemory implements MemoryTransport {
  readonly gateway: SiteGateway;
  readonly #options: MemoryTransportOptions;
  readonly #lines: ReadonlyMap<SiteId, Line>;
  #gatewayHandlers: GatewayHandlers | undefined;
  #underWay = 0;
  #onDrained: (() => void)[] = [];

  constructor(options: MemoryTransportOptions) {
    this.#options = options;
    this.#lines = new Map(options.sites.map((siteId): [SiteId, Line] => [siteId, this.#newLine(siteId)]));
    this.gateway = {
      listen: (handlers) => {
        this.#gatewayHandlers = handlers;
        for (const [siteId, line] of this.#lines) if (line.reported) handlers.connected(siteId);
      },
      send: (siteId, frame) => {
        this.#carry('down', siteId, frame);
      },
      close: () => {
        this.#gatewayHandlers = undefined;
      },
    };
  }

  #newLine(siteId: SiteId): Line {
    const line: Line = {
      ...{ connected: true, reported: true, generation: 0, handlers: undefined },
      traffic: { up: 0, down: 0 },
      up: clientToServerHandlers((frame) => {
        this.#gatewayHandlers?.frame(siteId, frame);
      }),
      down: serverToClientHandlers((frame) => {
        line.handlers?.frame(frame);
      }),
    };
    return line;
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
    this.interrupt(siteId);
    const line = this.#lines.get(siteId);
    if (!line?.reported) return;
    line.reported = false;
    this.#gatewayHandlers?.disconnected(siteId);
  }

  interrupt(siteId: SiteId): void {
    const line = this.#lines.get(siteId);
    if (!line?.connected) return;
    line.connected = false;
    line.generation++;
    line.handlers?.disconnected();
  }

  reconnect(siteId: SiteId): void {
    const line = this.#lines.get(siteId);
    if (!line || line.connected) return;
    line.connected = true;
    line.reported = true;
    this.#gatewayHandlers?.connected(siteId);
    line.handlers?.connected();
  }

  drained(): Promise<void> {
    if (this.#underWay === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onDrained.push(resolve);
    });
  }

  #arrived(): void {
    this.#underWay--;
    if (this.#underWay > 0) return;
    for (const resolve of this.#onDrained.splice(0)) resolve();
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
      this.#underWay++;
      clock.deliver(latencyMs?.(siteId) ?? 1, () => {
        // After the frame was handed on: what the receiver sends at once is under way before this one no longer is.
        const arrived = (): void => {
          this.#arrived();
        };
        if (line.generation !== generation) arrived();
        else if (direction === 'up') emit(line.up, CLIENT_TO_SERVER, frame, arrived);
        else emit(line.down, SERVER_TO_CLIENT, frame, arrived);
      });
    }
  }
}
