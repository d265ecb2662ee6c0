/**
 * What the round needs of a transport: frames in order, and connections that come and go. The in-memory pair of the
 * simulator and a socket.io gateway fit it alike. Who is at the other end is established before a handler is called;
 * a lost connection is reported only when the transport has given up waiting for its return.
 */
import type { SiteId } from '../ids.ts';
import type { Frame } from './codec.ts';

export interface GatewayHandlers {
  connected(siteId: SiteId): void;
  disconnected(siteId: SiteId): void;
  /** `siteId` is the authenticated sender. */
  frame(siteId: SiteId, frame: Frame): void;
}

/** The coordinator's end: all sites. */
export interface SiteGateway {
  /** Replaces the handlers; sites that are connected already are reported at once. */
  listen(handlers: GatewayHandlers): void;
  /** Sends to a site that is not connected are dropped: it asks again when it returns. */
  send(siteId: SiteId, frame: Frame): void;
  close(): void;
}

export interface LinkHandlers {
  connected(): void;
  disconnected(): void;
  frame(frame: Frame): void;
}

/** A site's end: the one coordinator. */
export interface CoordinatorLink {
  listen(handlers: LinkHandlers): void;
  send(frame: Frame): void;
  close(): void;
}
