/**
 * The site's one connection, outbound, over socket.io: websocket only. It proves who it is on every connection and comes
 * back by itself, for ever, after growing delays. What is sent while it is away is dropped: session and chunked channel
 * repeat what matters when it is back.
 */
import { io, type Socket } from 'socket.io-client';
import { z } from 'zod';
import { systemClock, type Clock } from '../../shared/clock.ts';
import type { Identity } from '../../shared/crypto/identity.ts';
import { signStatement } from '../../shared/crypto/statement.ts';
import type { SiteId } from '../../shared/ids.ts';
import type { Frame } from '../../shared/protocol/codec.ts';
import {
  CLIENT_TO_SERVER,
  eventOf,
  receivedFrame,
  SERVER_TO_CLIENT,
  type ClientToServerEvents,
  type ServerToClientEvents,
} from '../../shared/protocol/event-maps.ts';
import { connectStatement, refusalDataSchema, SITE_PATH } from '../../shared/protocol/handshake.ts';
import type { CoordinatorLink, LinkHandlers } from '../../shared/protocol/transport.ts';
import { PROTOCOL_VERSION } from '../../shared/protocol/version.ts';
import { createRng, deriveSeed } from '../../shared/rng.ts';
import { Backoff, type BackoffLimits } from './backoff.ts';
import { certificateFault, certificateWords } from './certificate-words.ts';
import { proxyFor, type ProxyRoute } from './proxy.ts';

export type LinkStatus =
  | { readonly kind: 'connected' }
  /** Not connected, and why; the next attempt comes after the delay. */
  | { readonly kind: 'waiting'; readonly reason: string; readonly delayMs: number };

export interface SocketLinkOptions {
  /** https://… of the coordinator; http:// only on loopback, which its configuration checks. */
  readonly url: string;
  readonly federationId: string;
  readonly siteId: SiteId;
  readonly identity: Identity;
  readonly clock?: Clock;
  /** Default: 0.5 s, growing to 30 s. */
  readonly backoff?: BackoffLimits;
  /** PEM of the authorities that are trusted instead of the system's. */
  readonly ca?: string;
  readonly status?: (status: LinkStatus) => void;
}

const DEFAULT_BACKOFF: BackoffLimits = { firstMs: 500, longestMs: 30_000 };
/** Through a proxy and over a way of 2 s TCP, CONNECT, TLS and websocket take up to 24 s. */
const CONNECT_TIMEOUT_MS = 45_000;

type LinkSocket = Socket<ServerToClientEvents, ClientToServerEvents>;

export function createSocketLink(options: SocketLinkOptions): CoordinatorLink {
  return new Link(options);
}

class Link implements CoordinatorLink {
  readonly #options: SocketLinkOptions;
  readonly #clock: Clock;
  readonly #backoff: Backoff;
  readonly #socket: LinkSocket;
  readonly #route: ProxyRoute | undefined;
  #handlers: LinkHandlers | undefined;
  #closed = false;
  #cancelRetry: () => void = () => undefined;

  constructor(options: SocketLinkOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    // Not a secret and not part of a result: sites only have to differ.
    const rng = createRng(deriveSeed('reconnect', options.siteId, this.#clock.nowMs()));
    this.#backoff = new Backoff(options.backoff ?? DEFAULT_BACKOFF, rng);
    const { ca } = options;
    this.#route = proxyFor(options.url);
    this.#socket = io(options.url, {
      path: SITE_PATH,
      transports: ['websocket'],
      autoConnect: false,
      forceNew: true,
      // Attempts are made here, so that a refusal and a lost connection are treated alike and the state is visible.
      reconnection: false,
      timeout: CONNECT_TIMEOUT_MS,
      auth: (answer) => {
        answer(this.#handshake());
      },
      ...(ca !== undefined && { ca }),
      // The library's types know the names of agents only; its websocket hands the agent itself to `ws`.
      ...(this.#route && { agent: this.#route.agent as unknown as string }),
    });
    this.#socket.on('connect', () => {
      this.#backoff.reset();
      this.#options.status?.({ kind: 'connected' });
      this.#handlers?.connected();
    });
    this.#socket.on('disconnect', (reason) => {
      this.#handlers?.disconnected();
      this.#retry(`connection lost: ${reason}`);
    });
    this.#socket.on('connect_error', (error) => {
      const refusal = this.#route?.refusal();
      const fault = this.#route ? undefined : certificateFault(error);
      if (fault === undefined) this.#retry(refusal ?? reasonOf(error));
      else
        void certificateWords(fault, this.#options.url, this.#clock).then((words) => {
          this.#retry(words);
        });
    });
    this.#socket.onAny((event: string, header: unknown, payload: unknown) => {
      const frame = receivedFrame(SERVER_TO_CLIENT, { event, header, payload });
      if (frame) this.#handlers?.frame(frame);
    });
  }

  listen(handlers: LinkHandlers): void {
    this.#handlers = handlers;
    if (this.#socket.connected) handlers.connected();
    else if (!this.#closed) this.#socket.connect();
  }

  send(frame: Frame): void {
    const event = eventOf(CLIENT_TO_SERVER, frame);
    if (this.#socket.connected && event !== undefined)
      this.#socket.emit(event, frame.header, frame.payload ?? null);
  }

  close(): void {
    this.#closed = true;
    this.#cancelRetry();
    this.#socket.disconnect();
  }

  #handshake(): object {
    const { federationId, siteId, identity } = this.#options;
    const challenge = this.#socket.io.engine.id;
    const { purpose, fields } = connectStatement({ federationId, siteId, challenge });
    return { protocolVersion: PROTOCOL_VERSION, siteId, signature: signStatement(identity, purpose, fields) };
  }

  #retry(reason: string): void {
    if (this.#closed) return;
    this.#cancelRetry();
    const delayMs = this.#backoff.nextMs();
    this.#options.status?.({ kind: 'waiting', reason, delayMs });
    this.#cancelRetry = this.#clock.schedule(delayMs, () => {
      this.#socket.connect();
    });
  }
}

const causeSchema = z.looseObject({ message: z.string().min(1).max(1000) });

/** In words that the site's administrator can act on. */
function reasonOf(error: Error & { data?: unknown; description?: unknown }): string {
  const refusal = refusalDataSchema.safeParse(error.data);
  if (!refusal.success) {
    // What lies below socket.io's "websocket error": a refused connection, a wrong certificate.
    const cause = causeSchema.safeParse(error.description);
    return `the coordinator cannot be reached: ${cause.success ? cause.data.message : error.message}`;
  }
  const { reason, expected } = refusal.data;
  switch (reason) {
    case 'malformed':
      return 'the coordinator did not understand the handshake: is it a Consilium coordinator of this version?';
    case 'protocol-version':
      return `the coordinator speaks protocol ${String(expected)}, this agent ${String(PROTOCOL_VERSION)}: bring both to the same release`;
    case 'unknown-site':
      return 'the coordinator does not know this site, or it is suspended: ask its administrator to approve it';
    case 'bad-signature':
      return 'the coordinator has another key for this site: ask its administrator to compare fingerprints';
  }
}
