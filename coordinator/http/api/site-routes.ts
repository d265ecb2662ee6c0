/** Sites: who takes part. */
import { z } from 'zod';
import { fingerprintOf } from '../../../shared/crypto/fingerprint.ts';
import { siteIdSchema } from '../../../shared/ids.ts';
import { writeInvitation } from '../../../shared/protocol/enrolment.ts';
import type { SiteAttempt } from '../../storage/attempt-track.ts';
import { found } from '../refusal.ts';
import type { SiteRound } from './round-views.ts';
import { emptyRoute, jsonRoute, NONE, sessionOf, type Route } from './route.ts';
import type { ApiServices } from './services.ts';
import { decisionOf, listSites, siteView } from './site-listing.ts';
import {
  invitationIdSchema,
  invitationListSchema,
  siteDetailSchema,
  siteListSchema,
  siteSchema,
} from './site-views.ts';

const HOUR_MS = 3_600_000;
const MAX_HOURS = 24 * 30;
const SHOWN_ROUNDS = 100;

const params = z.strictObject({ siteId: siteIdSchema });

function siteRound({ runId, round, attempt, startMs, site }: SiteAttempt): SiteRound {
  const { state, reason, bytesUp, bytesDown, steps, spans } = site;
  return { runId, round, attempt, startMs, state, reason, bytesUp, bytesDown, steps, spans };
}

export function siteRoutes(services: ApiServices): Route[] {
  const { sites, runs, history, administration, folder, clock } = services;
  return [
    jsonRoute({
      ...{ operation: 'listSites', method: 'get', path: '/api/v1/sites' },
      summary: 'All sites with the fingerprints of their keys',
      ...{ params: NONE, query: NONE, body: NONE, answer: siteListSchema },
      handle: async () => ({ sites: await listSites(services) }),
    }),
    jsonRoute({
      ...{ operation: 'showSite', method: 'get', path: '/api/v1/sites/:siteId' },
      summary: 'One site with its last rounds and what it says of the plans',
      ...{ params, query: NONE, body: NONE, answer: siteDetailSchema },
      handle: async ({ params: { siteId } }) => {
        const site = found(await sites.find(siteId), `site ${siteId}`);
        const latest = await history.latestOf(siteId, SHOWN_ROUNDS);
        return {
          site: siteView(services, site),
          rounds: latest.map(siteRound),
          plans: (await runs.listPlans()).map(({ planHash, name }) => ({
            ...{ planHash, name, decision: decisionOf(site, planHash) },
          })),
        };
      },
    }),
    jsonRoute({
      ...{ operation: 'inviteSite', method: 'post', path: '/api/v1/invitations' },
      summary: 'Invite a site: a text to hand over, which works once',
      ...{ params: NONE, query: NONE, status: 201 },
      body: z.strictObject({ siteId: siteIdSchema, hours: z.int().min(1).max(MAX_HOURS).default(72) }),
      answer: z.strictObject({ invitation: z.string() }),
      handle: async ({ body: { siteId, hours }, caller }) => {
        const token = await administration.invite(sessionOf(caller).user, siteId, hours * HOUR_MS);
        const fingerprint = fingerprintOf(folder.identity.publicKey);
        return { invitation: writeInvitation({ url: folder.config.url, siteId, fingerprint, token }) };
      },
    }),
    jsonRoute({
      ...{ operation: 'listInvitations', method: 'get', path: '/api/v1/invitations' },
      summary: 'Invitations that nobody has used',
      ...{ params: NONE, query: NONE, body: NONE, answer: invitationListSchema },
      handle: async () => ({
        invitations: (await sites.invitations()).map((invitation) => ({
          ...invitation,
          isExpired: Date.parse(invitation.expiresAt) <= clock.nowMs(),
        })),
      }),
    }),
    emptyRoute({
      ...{ operation: 'withdrawInvitation', method: 'delete', path: '/api/v1/invitations/:invitation' },
      summary: 'Withdraw an invitation that nobody has used',
      ...{ params: z.strictObject({ invitation: invitationIdSchema }), query: NONE, body: NONE },
      handle: ({ params: { invitation }, caller }) =>
        administration.withdrawInvitation(sessionOf(caller).user, invitation),
    }),
    jsonRoute({
      ...{ operation: 'changeSite', method: 'put', path: '/api/v1/sites/:siteId/status' },
      summary: 'Approve (active), suspend or remove a site; it takes effect at once',
      ...{ params, query: NONE, answer: siteSchema },
      body: z.strictObject({ status: z.enum(['active', 'suspended', 'removed']) }),
      handle: async ({ params: { siteId }, body: { status }, caller }) => {
        found(await sites.find(siteId), `site ${siteId}`);
        await administration.setSiteStatus(sessionOf(caller).user, siteId, status);
        return siteView(services, found(await sites.find(siteId), `site ${siteId}`));
      },
    }),
  ];
}
