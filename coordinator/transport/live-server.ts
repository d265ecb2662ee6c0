/**
 * Tells browsers what changes, over socket.io on a path of its own: websocket only, from the coordinator's own pages, with
 * the session's cookie. Nothing is taken from a browser but what it wants to hear of; whatever else it sends closes the
 * connection, and so does the end of its session.
 */
import type { Server as HttpServer } from 'node:http';
import { Server, type DefaultEventsMap, type Socket } from 'socket.io';
import type { z } from 'zod';
import type { Clock } from '../../shared/clock.ts';
import {
  LIVE_EVENT,
  LIVE_PATH,
  SUBSCRIBE_EVENT,
  subscriptionSchema,
  type LiveEvent,
  type liveRefusalSchema,
  type Subscription,
} from '../http/api/live-views.ts';
import { ACCESS, isAllowed } from '../http/api/access.ts';
import type { Role } from '../storage/tables.ts';
import type { Session, SessionState } from '../storage/user-store.ts';
import { TokenBucket, type BucketLimits } from './token-bucket.ts';

type LiveRefusal = z.infer<typeof liveRefusalSchema>;

export interface LiveServerOptions {
  /** Its owner lets it listen and closes it. */
  readonly server: HttpServer;
  /** Of the coordinator's own pages. */
  readonly origin: string;
  /** The session's token in the headers of a request. */
  tokenOf(request: { readonly headers: { readonly cookie?: string | undefined } }): string | undefined;
  sessionOf(token: string): Promise<Session | undefined>;
  /** Without using the session. */
  stateOf(token: string): Promise<SessionState>;
  readonly clock: Clock;
  onError(error: unknown): void;
  /** Default 8. */
  readonly connectionsOfUser?: number;
}

export interface LiveServer {
  readonly connections: number;
  /** To everybody who has asked for it and may hear it. */
  tell(event: LiveEvent): void;
  /** Ends the connections whose session is over. */
  checkSessions(): Promise<void>;
  close(): void;
}

/** A person has a few tabs. */
const CONNECTIONS_OF_USER = 8;
const ALL_CONNECTIONS = 400;
/** Of handshakes, of everybody together: each costs a look into the database. */
const HANDSHAKES: BucketLimits = { capacity: 100, perSecond: 20 };
/** A page subscribes when it is opened and when what it shows changes. */
const SUBSCRIPTIONS: BucketLimits = { capacity: 20, perSecond: 2 };
const MAX_MESSAGE_BYTES = 8 * 1024;
const HANDSHAKE_TIMEOUT_MS = 10_000;

interface LiveData {
  token: string;
  user: string;
  role: Role;
  subscription: Subscription | undefined;
}
type Outgoing = Record<typeof LIVE_EVENT, (event: LiveEvent) => void>;
type LiveSocket = Socket<DefaultEventsMap, Outgoing, DefaultEventsMap, Partial<LiveData>>;

export function createLiveServer(options: LiveServerOptions): LiveServer {
  return new Live(options);
}

class Live implements LiveServer {
  readonly #options: LiveServerOptions;
  readonly #io: Server<DefaultEventsMap, Outgoing, DefaultEventsMap, Partial<LiveData>>;
  readonly #handshakes: TokenBucket;
  readonly #sockets = new Map<LiveSocket, LiveData>();

  constructor(options: LiveServerOptions) {
    this.#options = options;
    this.#handshakes = new TokenBucket(HANDSHAKES, options.clock);
    this.#io = new Server(options.server, {
      path: LIVE_PATH,
      transports: ['websocket'],
      perMessageDeflate: false,
      httpCompression: false,
      maxHttpBufferSize: MAX_MESSAGE_BYTES,
      connectTimeout: HANDSHAKE_TIMEOUT_MS,
      serveClient: false,
      // Requests on other paths are others' to answer.
      destroyUpgrade: false,
      allowRequest: (request, answer) => {
        const isOurs = request.headers.origin === options.origin;
        answer(null, isOurs && this.#handshakes.take());
      },
    });
    this.#io.use((socket, next) => {
      this.#admit(socket).then(
        (refusal) => {
          if (refusal === undefined) next();
          else next(Object.assign(new Error(refusal), { data: { reason: refusal } }));
        },
        (error: unknown) => {
          options.onError(error);
          next(new Error('internal'));
        },
      );
    });
    this.#io.on('connection', (socket) => {
      this.#welcome(socket);
    });
  }

  get connections(): number {
    return this.#sockets.size;
  }

  tell(event: LiveEvent): void {
    for (const [socket, data] of this.#sockets) if (wants(data, event)) socket.emit(LIVE_EVENT, event);
  }

  async checkSessions(): Promise<void> {
    for (const [socket, { token }] of [...this.#sockets]) {
      const state = await this.#options.stateOf(token);
      if (state.kind === 'open') continue;
      socket.emit(LIVE_EVENT, { topic: 'signed-out', reason: state.kind });
      this.#end(socket);
    }
  }

  close(): void {
    this.#sockets.clear();
    this.#io.disconnectSockets(true);
    this.#io.engine.close();
  }

  async #admit(socket: LiveSocket): Promise<LiveRefusal | undefined> {
    const token = this.#options.tokenOf(socket.handshake);
    const session = token === undefined ? undefined : await this.#options.sessionOf(token);
    if (token === undefined || !session) return 'not-logged-in';
    const { user, role } = session;
    const own = [...this.#sockets.values()].filter((data) => data.user === user).length;
    const limit = this.#options.connectionsOfUser ?? CONNECTIONS_OF_USER;
    if (own >= limit || this.#sockets.size >= ALL_CONNECTIONS) return 'too-many-connections';
    const data: LiveData = { token, user, role, subscription: undefined };
    // From here on it counts: many at once do not slip in together.
    this.#sockets.set(socket, data);
    socket.conn.once('close', () => {
      this.#sockets.delete(socket);
    });
    return undefined;
  }

  #welcome(socket: LiveSocket): void {
    const data = this.#sockets.get(socket);
    if (!data) {
      socket.disconnect(true);
      return;
    }
    const bucket = new TokenBucket(SUBSCRIPTIONS, this.#options.clock);
    socket.on('disconnect', () => {
      this.#sockets.delete(socket);
    });
    socket.onAny((event: string, ...sent: unknown[]) => {
      const wanted =
        event === SUBSCRIBE_EVENT && sent.length === 1 ? subscriptionSchema.safeParse(sent[0]) : undefined;
      if (bucket.take() && wanted?.success) data.subscription = wanted.data;
      else this.#end(socket);
    });
    // It may have ended since the cookie was looked at.
    this.checkSessions().catch((error: unknown) => {
      this.#options.onError(error);
    });
  }

  #end(socket: LiveSocket): void {
    this.#sockets.delete(socket);
    socket.disconnect(true);
  }
}

function wants({ subscription, role }: LiveData, event: LiveEvent): boolean {
  if (!subscription) return false;
  switch (event.topic) {
    case 'run':
    case 'progress':
      return subscription.runs === 'all' || subscription.runs.includes(event.runId);
    case 'ledger':
      return subscription.topics.includes(event.topic) && isAllowed(ACCESS.searchLedger, role);
    case 'users':
      return subscription.topics.includes(event.topic) && isAllowed(ACCESS.listUsers, role);
    case 'sites':
    case 'plans':
    case 'runs':
    case 'models':
    case 'alerts':
      return subscription.topics.includes(event.topic);
    // Told to one alone, before its connection ends.
    case 'signed-out':
      return false;
  }
}
