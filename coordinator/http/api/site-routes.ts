/** Sites: who takes part. */
import { z } from 'zod';
import { fingerprintOf } from '../../../shared/crypto/fingerprint.ts';
import { siteIdSchema } from '../../../shared/ids.ts';
import { writeInvitation } from '../../../shared/protocol/enrolment.ts';
import { found } from '../refusal.ts';
import { jsonRoute, NONE, sessionOf, type Route } from './route.ts';
import type { ApiServices } from './services.ts';

const HOUR_MS = 3_600_000;
const MAX_HOURS = 24 * 30;

const siteSchema = z.strictObject({
  siteId: siteIdSchema,
  status: z.enum(['pending', 'active', 'suspended', 'removed']),
  /** To be compared with the one that the site shows before it is approved. */
  fingerprint: z.string(),
  enrolledAt: z.iso.datetime(),
  isConnected: z.boolean(),
});

export function siteRoutes({ sites, administration, folder, connectedSites }: ApiServices): Route[] {
  const listed = async (): Promise<z.output<typeof siteSchema>[]> => {
    const connected = new Set(connectedSites());
    return (await sites.list()).map(({ siteId, status, fingerprint, enrolledAt }) => ({
      ...{ siteId, status, fingerprint, enrolledAt },
      isConnected: connected.has(siteId),
    }));
  };
  return [
    jsonRoute({
      ...{ operation: 'listSites', method: 'get', path: '/api/v1/sites' },
      summary: 'All sites with the fingerprints of their keys',
      ...{ params: NONE, query: NONE, body: NONE },
      answer: z.strictObject({ sites: z.array(siteSchema) }),
      handle: async () => ({ sites: await listed() }),
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
      ...{ operation: 'changeSite', method: 'put', path: '/api/v1/sites/:siteId/status' },
      summary: 'Approve (active), suspend or remove a site; it takes effect at once',
      ...{ params: z.strictObject({ siteId: siteIdSchema }), query: NONE },
      body: z.strictObject({ status: z.enum(['active', 'suspended', 'removed']) }),
      answer: siteSchema,
      handle: async ({ params: { siteId }, body: { status }, caller }) => {
        found(await sites.find(siteId), `site ${siteId}`);
        await administration.setSiteStatus(sessionOf(caller).user, siteId, status);
        return found(
          (await listed()).find((site) => site.siteId === siteId),
          `site ${siteId}`,
        );
      },
    }),
  ];
}
