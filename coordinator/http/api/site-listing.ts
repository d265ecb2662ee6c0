/** Sites as people are shown them. */
import { isoTime } from './iso-time.ts';
import type { RegisteredSite } from '../../storage/site-registry.ts';
import type { ApiServices } from './services.ts';
import type { Decision, SiteView } from './site-views.ts';

type Services = Pick<ApiServices, 'connectedSites' | 'watch'>;

export function siteView({ connectedSites, watch }: Services, site: RegisteredSite): SiteView {
  const { siteId, status, fingerprint, enrolledAt, changedAt, lastContactAt, about } = site;
  return {
    ...{ siteId, status, fingerprint, enrolledAt, changedAt },
    isConnected: connectedSites().includes(siteId),
    lastContactAt: lastContactAt ?? null,
    program: about?.told.program ?? null,
    counts: about?.told.counts ?? null,
    toldAt: about ? isoTime(about.atMs) : null,
    runId: watch.runOf(siteId) ?? null,
  };
}

export async function listSites(services: Services & Pick<ApiServices, 'sites'>): Promise<SiteView[]> {
  return (await services.sites.list()).map((site) => siteView(services, site));
}

/** As far as the site tells. */
export function decisionOf({ about }: Pick<RegisteredSite, 'about'>, planHash: string): Decision {
  if (about?.told.approvedPlans?.some((hash) => hash === planHash)) return 'approved';
  return about?.told.refusedPlans?.some((hash) => hash === planHash) ? 'refused' : 'open';
}
