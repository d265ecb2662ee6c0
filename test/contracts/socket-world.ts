/** A coordinator's gateway on loopback and sites that connect to it. */
import { createServer as createHttp, type Server as HttpServer } from 'node:http';
import { createServer as createHttps, Server as HttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createSocketLink, type LinkStatus } from '../../client/transport/socket-link.ts';
import {
  createSocketGateway,
  type GatewayReport,
  type SocketGateway,
  type SocketGatewayOptions,
} from '../../coordinator/transport/socket-gateway.ts';
import { systemClock } from '../../shared/clock.ts';
import { createIdentity, type Identity } from '../../shared/crypto/identity.ts';
import type { SiteId } from '../../shared/ids.ts';
import type { CoordinatorLink } from '../../shared/protocol/transport.ts';

export const FEDERATION_ID = 'federation-of-tests';

export interface SocketWorldOptions {
  readonly sites: readonly SiteId[];
  /** PEM. Without it the coordinator speaks plain HTTP. */
  readonly tls?: { readonly key: string; readonly cert: string };
  readonly gateway?: Partial<Pick<SocketGatewayOptions, 'graceMs' | 'heartbeat' | 'frameLimits' | 'keyOf'>>;
}

export interface SocketWorld {
  readonly gateway: SocketGateway;
  readonly identities: ReadonlyMap<SiteId, Identity>;
  readonly url: string;
  readonly reports: readonly GatewayReport[];
  /** Resolves with the first report that is of this kind. */
  reported(kind: GatewayReport['kind']): Promise<GatewayReport>;
  linkOf(
    siteId: SiteId,
    changes?: Partial<Parameters<typeof createSocketLink>[0]>,
  ): CoordinatorLink & {
    readonly statuses: readonly LinkStatus[];
    status(kind: LinkStatus['kind']): Promise<LinkStatus>;
  };
  /** Another certificate for whoever connects from now on. */
  renew(tls: NonNullable<SocketWorldOptions['tls']>): void;
  /** Cuts the TCP connections of everybody. */
  cut(): void;
  close(): Promise<void>;
}

export async function createSocketWorld(options: SocketWorldOptions): Promise<SocketWorld> {
  const identities = new Map(options.sites.map((siteId) => [siteId, createIdentity()] as const));
  const server: HttpServer = options.tls ? createHttps(options.tls) : createHttp();
  const sockets = new Set<{ destroy(): void }>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  const reports: GatewayReport[] = [];
  const waiting: { kind: GatewayReport['kind']; resolve: (report: GatewayReport) => void }[] = [];
  const gateway = createSocketGateway({
    server,
    federationId: FEDERATION_ID,
    keyOf: (siteId) => identities.get(siteId)?.publicKey,
    clock: systemClock,
    ...options.gateway,
    report: (report) => {
      reports.push(report);
      for (const { kind, resolve } of waiting) if (kind === report.kind) resolve(report);
    },
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // A server that listens on TCP has such an address.
  const { port } = server.address() as AddressInfo;
  const url = `${options.tls ? 'https://localhost' : 'http://127.0.0.1'}:${String(port)}`;
  const links: CoordinatorLink[] = [];
  return {
    gateway,
    identities,
    url,
    reports,
    reported: (kind) => {
      const known = reports.find((report) => report.kind === kind);
      if (known) return Promise.resolve(known);
      return new Promise((resolve) => {
        waiting.push({ kind, resolve });
      });
    },
    linkOf: (siteId, changes = {}) => {
      const statuses: LinkStatus[] = [];
      const wanted: { kind: LinkStatus['kind']; resolve: (status: LinkStatus) => void }[] = [];
      const link = createSocketLink({
        url,
        federationId: FEDERATION_ID,
        siteId,
        identity: identities.get(siteId) ?? createIdentity(),
        backoff: { firstMs: 5, longestMs: 50 },
        ...changes,
        status: (status) => {
          statuses.push(status);
          for (const { kind, resolve } of wanted) if (kind === status.kind) resolve(status);
        },
      });
      links.push(link);
      return Object.assign(link, {
        statuses,
        status: (kind: LinkStatus['kind']) =>
          new Promise<LinkStatus>((resolve) => {
            const known = statuses.find((status) => status.kind === kind);
            if (known) resolve(known);
            else wanted.push({ kind, resolve });
          }),
      });
    },
    renew: (tls) => {
      if (server instanceof HttpsServer) server.setSecureContext(tls);
    },
    cut: () => {
      for (const socket of sockets) socket.destroy();
    },
    close: async () => {
      for (const link of links) link.close();
      gateway.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
