/** One gateway for several runs at once: each hears of its own sites only, and no site belongs to two. */
import { InvariantError } from '../../shared/errors.ts';
import type { SiteId } from '../../shared/ids.ts';
import type { GatewayHandlers, SiteGateway } from '../../shared/protocol/transport.ts';

interface Share {
  /** Undefined: all sites. */
  readonly sites: ReadonlySet<SiteId> | undefined;
  handlers: GatewayHandlers | undefined;
}

/** Whether no site is in both; undefined stands for all sites. */
export function areDisjoint(a: ReadonlySet<SiteId> | undefined, b: ReadonlySet<SiteId> | undefined): boolean {
  return a !== undefined && b !== undefined && [...a].every((siteId) => !b.has(siteId));
}

export class GatewayShares {
  readonly #gateway: SiteGateway;
  readonly #connected = new Set<SiteId>();
  readonly #shares = new Set<Share>();

  /** Nobody else listens to the gateway from now on. */
  constructor(gateway: SiteGateway) {
    this.#gateway = gateway;
    gateway.listen({
      connected: (siteId) => {
        this.#connected.add(siteId);
        this.#of(siteId)?.connected(siteId);
      },
      disconnected: (siteId) => {
        this.#connected.delete(siteId);
        this.#of(siteId)?.disconnected(siteId);
      },
      frame: (siteId, frame) => {
        this.#of(siteId)?.frame(siteId, frame);
      },
    });
  }

  /**
   * A gateway to these sites (undefined: to all) until it is closed.
   * @throws InvariantError when one of them belongs to another share
   */
  share(sites: ReadonlySet<SiteId> | undefined): SiteGateway {
    if ([...this.#shares].some((other) => !areDisjoint(other.sites, sites)))
      throw new InvariantError('a site would belong to two runs at once');
    const share: Share = { sites, handlers: undefined };
    this.#shares.add(share);
    return {
      listen: (handlers) => {
        share.handlers = handlers;
        for (const siteId of this.#connected) if (contains(share, siteId)) handlers.connected(siteId);
      },
      send: (siteId, frame) => {
        if (contains(share, siteId)) this.#gateway.send(siteId, frame);
      },
      close: () => {
        share.handlers = undefined;
        this.#shares.delete(share);
      },
    };
  }

  #of(siteId: SiteId): GatewayHandlers | undefined {
    for (const share of this.#shares) if (contains(share, siteId)) return share.handlers;
    return undefined;
  }
}

const contains = ({ sites }: Share, siteId: SiteId): boolean => sites === undefined || sites.has(siteId);
