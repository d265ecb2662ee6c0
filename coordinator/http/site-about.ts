/** Takes what an enrolled site tells of itself; it is for people's eyes only. */
import type { RequestHandler } from 'express';
import type { Clock } from '../../shared/clock.ts';
import { isFreshAbout, siteAboutRequestSchema } from '../../shared/protocol/site-about.ts';
import type { SiteRegistry } from '../storage/site-registry.ts';

export interface SiteAboutOptions {
  readonly folder: { readonly federationId: string };
  readonly registry: Pick<SiteRegistry, 'find' | 'setAbout'>;
  readonly clock: Pick<Clock, 'nowMs'>;
  /** Something new is known. */
  readonly told: () => void;
}

/** For a request whose body has been read as JSON. */
export function takeSiteAbout({ folder, registry, clock, told }: SiteAboutOptions): RequestHandler {
  return async (request, response) => {
    const refuse = (status: number, code: string, message: string): void => {
      response.status(status).json({ code, message });
    };
    const parsed = siteAboutRequestSchema.safeParse(request.body);
    if (!parsed.success) {
      refuse(400, 'malformed', 'the request does not have the form that is described');
      return;
    }
    const { siteId, about, atMs } = parsed.data;
    const site = await registry.find(siteId);
    if (site?.status !== 'active' || !isFreshAbout(parsed.data, site.publicKey, folder.federationId, clock)) {
      refuse(
        403,
        'not-authorised',
        'this site is not active here, its key is another, or its clock is wrong',
      );
      return;
    }
    if (await registry.setAbout(siteId, about, atMs)) told();
    response.status(204).end();
  };
}
