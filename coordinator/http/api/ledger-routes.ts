/** The record of administrative acts, and how the federation stands. */
import { z } from 'zod';
import { fingerprintOf } from '../../../shared/crypto/fingerprint.ts';
import { programVersion } from '../../../shared/program-version.ts';
import { PROTOCOL_VERSION } from '../../../shared/protocol/version.ts';
import { jsonRoute, NONE, type Route } from './route.ts';
import type { ApiServices } from './services.ts';

const DEFAULT_ENTRIES = 100;
const MAX_ENTRIES = 1000;

const wholeText = z
  .string()
  .regex(/^(?:0|[1-9]\d{0,8})$/)
  .transform(Number);

const entrySchema = z.strictObject({
  sequence: z.int(),
  at: z.iso.datetime(),
  actor: z.string(),
  act: z.string(),
  subject: z.string(),
  /** Any JSON value: what stands there may have been changed. */
  detail: z.unknown(),
  previousHash: z.string(),
  hash: z.string(),
  signature: z.string(),
});

const count = z.int().min(0);

export function ledgerRoutes(services: ApiServices): Route[] {
  const { database, administration, folder, sites, runs, clock, connectedSites } = services;
  return [
    jsonRoute({
      ...{ operation: 'listLedger', method: 'get', path: '/api/v1/ledger' },
      summary: 'Entries of the record of administrative acts, in order',
      ...{ params: NONE, body: NONE },
      query: z.strictObject({ after: wholeText.optional(), limit: wholeText.optional() }),
      answer: z.strictObject({ entries: z.array(entrySchema) }),
      handle: async ({ query: { after = 0, limit = DEFAULT_ENTRIES } }) => {
        const entries = await administration.log.entries(database, after, Math.min(limit, MAX_ENTRIES));
        return { entries: [...entries] };
      },
    }),
    jsonRoute({
      ...{ operation: 'verifyLedger', method: 'get', path: '/api/v1/ledger/verification' },
      summary: 'Follow the chain of the record from its beginning',
      ...{ params: NONE, query: NONE, body: NONE },
      answer: z.strictObject({
        entries: count,
        /** The first entry that is not what was written; null: all are. */
        brokenAt: count.nullable(),
      }),
      handle: async () => {
        const { entries, brokenAt = null } = await administration.log.verify(database);
        return { entries, brokenAt };
      },
    }),
    jsonRoute({
      ...{ operation: 'showStatus', method: 'get', path: '/api/v1/status' },
      summary: 'How the federation stands',
      ...{ params: NONE, query: NONE, body: NONE },
      answer: z.strictObject({
        version: z.string(),
        protocolVersion: z.int(),
        federationId: z.string(),
        fingerprint: z.string(),
        now: z.iso.datetime(),
        sites: z.strictObject({ active: count, pending: count, connected: count }),
        runs: z.strictObject({ queued: count, running: count, paused: count }),
      }),
      handle: async () => {
        const statuses = (await sites.list()).map(({ status }) => status);
        const states = (await runs.runs()).map(({ status }) => status);
        const countOf = <T>(values: readonly T[], wanted: T): number =>
          values.filter((value) => value === wanted).length;
        return {
          version: programVersion(),
          protocolVersion: PROTOCOL_VERSION,
          federationId: folder.federationId,
          fingerprint: fingerprintOf(folder.identity.publicKey),
          now: new Date(clock.nowMs()).toISOString(),
          sites: {
            active: countOf(statuses, 'active'),
            pending: countOf(statuses, 'pending'),
            connected: connectedSites().length,
          },
          runs: {
            queued: countOf(states, 'queued'),
            running: countOf(states, 'running'),
            paused: countOf(states, 'paused'),
          },
        };
      },
    }),
  ];
}
