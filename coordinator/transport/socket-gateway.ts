/**
 * The coordinator's end of the sites' connections, over socket.io: websocket only, no compression, frames of bounded
 * size and rate. Nobody reaches a handler who has not signed the challenge of this very connection. A site has one
 * connection: a newer one takes the older one's place. A lost one is reported after a grace, in which it may return.
 */
import type { IncomingMessage, Server as HttpServer } from 'node:http';
import { Server, type DefaultEventsMap, type Socket } from 'socket.io';
import type { Clock } from '../../shared/clock.ts';
import { randomToken } from '../../shared/crypto/random.ts';
import { verifyStatement } from '../../shared/crypto/statement.ts';
import type { SiteId } from '../../shared/ids.ts';
import { MAX_HEADER_CHARS, type Frame } from '../../shared/protocol/codec.ts';
import {
  CLIENT_TO_SERVER,
  eventOf,
  receivedFrame,
  SERVER_TO_CLIENT,
  type ClientToServerEvents,
  type ServerToClientEvents,
} from '../../shared/protocol/event-maps.ts';
import {
  connectStatement,
  handshakeSchema,
  SITE_PATH,
  type HandshakeRefusal,
} from '../../shared/protocol/handshake.ts';
import { MAX_CHUNK_BYTES } from '../../shared/protocol/transfer-messages.ts';
import type { GatewayHandlers, SiteGateway } from '../../shared/protocol/transport.ts';
import { PROTOCOL_VERSION } from '../../shared/protocol/version.ts';
import { PacedInbox } from './paced-inbox.ts';
import { TokenBucket, type BucketLimits } from './token-bucket.ts';

export type GatewayReport =
  | { readonly kind: 'refused'; readonly reason: HandshakeRefusal; readonly address: string }
  /** The connection is closed: the site sends faster than it may, or something that is no frame. */
  | { readonly kind: 'closed'; readonly siteId: SiteId; readonly reason: 'flood' | 'malformed' }
  | { readonly kind: 'connected' | 'lost'; readonly siteId: SiteId };

export interface SocketGatewayOptions {
  /** HTTP or HTTPS; its owner lets it listen and closes it. */
  readonly server: HttpServer;
  readonly federationId: string;
  /** Ed25519 public key of an enrolled, active site. */
  keyOf(siteId: SiteId): Uint8Array | undefined;
  readonly clock: Clock;
  /** How long a lost connection may take to return before the round hears of it. Default 30 s. */
  readonly graceMs?: number;
  readonly heartbeat?: Heartbeat;
  /** Frames of one site. Default: bursts of 2000, 200 a second. */
  readonly frameLimits?: BucketLimits;
  readonly report?: (report: GatewayReport) => void;
}

/** A connection of which nothing comes any more is closed so long after the question whether anybody is there. */
export interface Heartbeat {
  readonly intervalMs: number;
  readonly timeoutMs: number;
}

export interface SocketGateway extends SiteGateway {
  readonly connectedSites: readonly SiteId[];
  /** Ends a site's connection at once: it has been suspended or removed. */
  expel(siteId: SiteId): void;
}

/** Over a way of 2 s the five exchanges of a new connection (TCP, TLS, websocket, two handshakes) take 20 s. */
const DEFAULT_GRACE_MS = 30_000;
/**
 * The answer waits behind the chunks that are under way, `WINDOW_CHUNKS` of them: at 64 kB/s those take 16 s. A connection
 * that is dead costs a round no more than this, as the deadlines of its phases go on.
 */
const DEFAULT_HEARTBEAT: Heartbeat = { intervalMs: 25_000, timeoutMs: 60_000 };
const DEFAULT_FRAME_LIMITS: BucketLimits = { capacity: 2000, perSecond: 200 };
/** A header in which every character is escaped, and its frame around it. */
const MAX_MESSAGE_BYTES = 2 * MAX_HEADER_CHARS + MAX_CHUNK_BYTES;
/** Of one site, while others are heeded: twice what it may have under way. */
const MAX_WAITING_BYTES = 8 * MAX_CHUNK_BYTES;
/** A connection that has not proved who it is by then is closed. */
const HANDSHAKE_TIMEOUT_MS = 10_000;

interface SocketData {
  siteId?: SiteId;
}
type SiteSocket = Socket<ClientToServerEvents, ServerToClientEvents, DefaultEventsMap, SocketData>;

interface Line {
  socket: SiteSocket | undefined;
  cancelGrace: () => void;
  isExpelled: boolean;
}

export function createSocketGateway(options: SocketGatewayOptions): SocketGateway {
  return new Gateway(options);
}

class Gateway implements SocketGateway {
  readonly #options: SocketGatewayOptions;
  readonly #io: Server<ClientToServerEvents, ServerToClientEvents, DefaultEventsMap, SocketData>;
  readonly #lines = new Map<SiteId, Line>();
  /** The id of each connection, by the request that opened it. */
  readonly #challenges = new WeakMap<IncomingMessage, string>();
  readonly #inbox = new PacedInbox<SiteId>(MAX_WAITING_BYTES);
  /** The frame that was sent last, in this turn, and to whom. */
  #burst: { readonly frame: Frame; readonly sockets: Set<string> } | undefined;
  #handlers: GatewayHandlers | undefined;

  constructor(options: SocketGatewayOptions) {
    this.#options = options;
    const { intervalMs, timeoutMs } = options.heartbeat ?? DEFAULT_HEARTBEAT;
    this.#io = new Server(options.server, {
      path: SITE_PATH,
      transports: ['websocket'],
      perMessageDeflate: false,
      httpCompression: false,
      maxHttpBufferSize: MAX_MESSAGE_BYTES,
      connectTimeout: HANDSHAKE_TIMEOUT_MS,
      pingInterval: intervalMs,
      pingTimeout: timeoutMs,
      serveClient: false,
      // Sites are programs: a browser, which says where its page comes from, has no business here.
      allowRequest: (request, answer) => {
        answer(null, request.headers.origin === undefined);
      },
    });
    this.#io.engine.generateId = (request: IncomingMessage) => {
      const challenge = randomToken();
      this.#challenges.set(request, challenge);
      return challenge;
    };
    this.#io.use((socket, next) => {
      this.#authenticate(socket, next);
    });
    this.#io.on('connection', (socket) => {
      this.#welcome(socket);
    });
  }

  get connectedSites(): readonly SiteId[] {
    return [...this.#lines].flatMap(([siteId, { socket }]) => (socket ? [siteId] : []));
  }

  listen(handlers: GatewayHandlers): void {
    this.#handlers = handlers;
    for (const siteId of this.#lines.keys()) handlers.connected(siteId);
  }

  send(siteId: SiteId, frame: Frame): void {
    const socket = this.#lines.get(siteId)?.socket;
    if (!socket) return;
    if (this.#burst?.frame === frame && !this.#burst.sockets.has(socket.id)) {
      this.#burst.sockets.add(socket.id);
      return;
    }
    this.#flush();
    this.#burst = { frame, sockets: new Set([socket.id]) };
    void Promise.resolve().then(() => {
      this.#flush();
    });
  }

  /** What many sites are sent one after the other is encoded once, and is in memory once while it is on its way. */
  #flush(): void {
    if (!this.#burst) return;
    const { frame, sockets } = this.#burst;
    this.#burst = undefined;
    const event = eventOf(SERVER_TO_CLIENT, frame);
    if (event !== undefined) this.#io.to([...sockets]).emit(event, frame.header, frame.payload ?? null);
  }

  expel(siteId: SiteId): void {
    const line = this.#lines.get(siteId);
    if (line) line.isExpelled = true;
    line?.socket?.disconnect(true);
    this.#lost(siteId);
  }

  close(): void {
    this.#handlers = undefined;
    for (const { cancelGrace } of this.#lines.values()) cancelGrace();
    this.#lines.clear();
    this.#io.disconnectSockets(true);
    this.#io.engine.close();
  }

  #authenticate(socket: SiteSocket, next: (error?: Error) => void): void {
    const refusal = this.#refusalOf(socket);
    if (refusal === undefined) {
      next();
      return;
    }
    this.#options.report?.({ kind: 'refused', reason: refusal, address: socket.handshake.address });
    const data = { reason: refusal, ...(refusal === 'protocol-version' && { expected: PROTOCOL_VERSION }) };
    next(Object.assign(new Error(refusal), { data }));
  }

  #refusalOf(socket: SiteSocket): HandshakeRefusal | undefined {
    const parsed = handshakeSchema.safeParse(socket.handshake.auth);
    if (!parsed.success) return 'malformed';
    const { siteId, protocolVersion, signature } = parsed.data;
    if (protocolVersion !== PROTOCOL_VERSION) return 'protocol-version';
    const key = this.#options.keyOf(siteId);
    if (!key) return 'unknown-site';
    const challenge = this.#challenges.get(socket.request);
    if (challenge === undefined) return 'malformed';
    const claim = { federationId: this.#options.federationId, siteId, challenge };
    if (!verifyStatement(key, { ...connectStatement(claim), signature })) return 'bad-signature';
    socket.data.siteId = siteId;
    return undefined;
  }

  #welcome(socket: SiteSocket): void {
    const { siteId } = socket.data;
    if (siteId === undefined) {
      socket.disconnect(true);
      return;
    }
    const earlier = this.#lines.get(siteId);
    earlier?.cancelGrace();
    const line: Line = { socket, cancelGrace: () => undefined, isExpelled: false };
    this.#lines.set(siteId, line);
    earlier?.socket?.disconnect(true);
    this.#hear(siteId, socket, line);
    socket.on('disconnect', (reason) => {
      if (this.#lines.get(siteId)?.socket !== socket) return;
      // A site that says goodbye does not come back in a moment.
      if (reason === 'client namespace disconnect') this.#lost(siteId);
      else this.#wait(siteId);
    });
    this.#options.report?.({ kind: 'connected', siteId });
    this.#inbox.add(siteId, 0, () => this.#handlers?.connected(siteId));
  }

  /** Every argument is untrusted; what the frame says is for the codec to see. */
  #hear(siteId: SiteId, socket: SiteSocket, line: Line): void {
    const bucket = new TokenBucket(this.#options.frameLimits ?? DEFAULT_FRAME_LIMITS, this.#options.clock);
    const refuse = (reason: 'flood' | 'malformed'): void => {
      this.#options.report?.({ kind: 'closed', siteId, reason });
      socket.disconnect(true);
    };
    socket.onAny((event: string, header: unknown, payload: unknown) => {
      if (!bucket.take()) {
        refuse('flood');
        return;
      }
      const frame = receivedFrame(CLIENT_TO_SERVER, { event, header, payload });
      if (!frame) {
        refuse('malformed');
        return;
      }
      const bytes = frame.header.length + (frame.payload?.byteLength ?? 0);
      const isTaken = this.#inbox.add(siteId, bytes, () => {
        // What has arrived counts, whether its sender is still there or not, unless it was shown the door.
        if (!line.isExpelled) this.#handlers?.frame(siteId, frame);
      });
      if (!isTaken) refuse('flood');
    });
  }

  #wait(siteId: SiteId): void {
    const line = this.#lines.get(siteId);
    if (!line) return;
    line.socket = undefined;
    const { clock, graceMs = DEFAULT_GRACE_MS } = this.#options;
    line.cancelGrace = clock.schedule(graceMs, () => {
      this.#lost(siteId);
    });
  }

  #lost(siteId: SiteId): void {
    const line = this.#lines.get(siteId);
    if (!line) return;
    line.cancelGrace();
    this.#lines.delete(siteId);
    this.#options.report?.({ kind: 'lost', siteId });
    // Behind what it had said before.
    this.#inbox.add(siteId, 0, () => this.#handlers?.disconnected(siteId));
  }
}
