/**
 * A slow way to the coordinator, as a hospital may have one: a TCP proxy on loopback that passes bytes on at a rate and
 * after a delay, each direction by itself. Everything the two ends send goes through real sockets; what a direction holds
 * back is bounded, so that the sender feels it. Time is divided by `scale`: rate times scale, delay over scale. Whoever
 * divides all deadlines by the same number sees what would happen at the true speed.
 */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { systemClock } from '../../shared/clock.ts';

export interface SlowLinkOptions {
  /** Port of the coordinator on loopback. */
  readonly port: number;
  readonly bytesPerSecond: number;
  /** Each way. */
  readonly latencyMs: number;
  readonly scale?: number;
}

export type Direction = 'up' | 'down';

export interface SlowLink {
  readonly port: number;
  /** Handed on, of all connections. */
  readonly passed: Readonly<Record<Direction, number>>;
  readonly connectionCount: number;
  /** Resolves when so much has gone in a direction. */
  reached(direction: Direction, bytes: number): Promise<void>;
  /** Breaks all connections; new ones are taken. */
  cut(): void;
  /** From now on nothing is passed on, and nothing is said about it. */
  stall(): void;
  close(): Promise<void>;
}

/** What fits into a router's queue: as much as goes in a few hundred milliseconds. */
const QUEUE_BYTES = 64 * 1024;
/** Passed on in one go: a few packets. */
const SLICE_BYTES = 4 * 1024;

interface Slice {
  readonly bytes: Buffer;
  /** When it comes out at the other end. */
  readonly dueMs: number;
}

interface Line {
  readonly rate: number;
  readonly latencyMs: number;
  readonly isStalled: () => boolean;
  readonly passed: (bytes: number) => void;
}

/** One direction of one connection. */
class SlowPipe {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #line: Line;
  #queue: Slice[] = [];
  /** Not yet put on the line, as far as the time says. */
  #freeAtMs = 0;
  #isEnded = false;
  #cancel: () => void = () => undefined;

  constructor(from: Socket, to: Socket, line: Line) {
    this.#from = from;
    this.#to = to;
    this.#line = line;
    from.on('data', (bytes: Buffer) => {
      this.#take(bytes);
    });
    from.on('end', () => {
      this.#isEnded = true;
      this.#pass();
    });
    from.on('close', () => {
      this.#cancel();
      to.destroy();
    });
  }

  #take(bytes: Buffer): void {
    const { rate, latencyMs } = this.#line;
    for (let at = 0; at < bytes.length; at += SLICE_BYTES) {
      const slice = bytes.subarray(at, at + SLICE_BYTES);
      this.#freeAtMs = Math.max(this.#freeAtMs, systemClock.elapsedMs()) + (slice.length / rate) * 1000;
      this.#queue.push({ bytes: slice, dueMs: this.#freeAtMs + latencyMs });
    }
    this.#pass();
  }

  /** Hands on what is due, and looks again when the next slice is. */
  #pass(): void {
    this.#cancel();
    const { latencyMs, isStalled, passed } = this.#line;
    if (isStalled()) return;
    const nowMs = systemClock.elapsedMs();
    while (this.#queue[0] && this.#queue[0].dueMs <= nowMs) {
      const { bytes } = this.#queue[0];
      this.#queue = this.#queue.slice(1);
      passed(bytes.length);
      this.#to.write(bytes);
    }
    // What waits to be put on the line, not what is on its way.
    const waitingBytes = ((this.#freeAtMs - nowMs) * this.#line.rate) / 1000;
    if (waitingBytes > QUEUE_BYTES) this.#from.pause();
    else this.#from.resume();
    const [next] = this.#queue;
    if (next) {
      this.#cancel = systemClock.schedule(Math.max(1, next.dueMs - nowMs), () => {
        this.#pass();
      });
    } else if (this.#isEnded) {
      this.#cancel = systemClock.schedule(latencyMs, () => {
        this.#to.end();
      });
    }
  }
}

export async function openSlowLink(options: SlowLinkOptions): Promise<SlowLink> {
  const { port, bytesPerSecond, latencyMs, scale = 1 } = options;
  const sockets = new Set<Socket>();
  const passed = { up: 0, down: 0 };
  let waiting: { readonly direction: Direction; readonly bytes: number; readonly resolve: () => void }[] = [];
  let isStalled = false;
  let connectionCount = 0;
  const lineOf = (direction: Direction): Line => ({
    ...{ rate: bytesPerSecond * scale, latencyMs: latencyMs / scale, isStalled: () => isStalled },
    passed: (bytes) => {
      passed[direction] += bytes;
      waiting = waiting.filter((one) => {
        if (passed[one.direction] < one.bytes) return true;
        one.resolve();
        return false;
      });
    },
  });
  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
  };
  const server = createServer((site) => {
    connectionCount++;
    const coordinator = connect(port, '127.0.0.1');
    keep(site);
    keep(coordinator);
    new SlowPipe(site, coordinator, lineOf('up'));
    new SlowPipe(coordinator, site, lineOf('down'));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    // A server that listens on TCP has such an address.
    port: (server.address() as AddressInfo).port,
    passed,
    get connectionCount() {
      return connectionCount;
    },
    reached: (direction, bytes) =>
      new Promise((resolve) => {
        waiting.push({ direction, bytes, resolve });
      }),
    cut,
    stall: () => {
      isStalled = true;
    },
    close: async () => {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
