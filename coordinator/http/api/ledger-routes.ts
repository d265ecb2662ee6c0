/** The record of administrative acts, and how the federation stands. */
import { z } from 'zod';
import { fingerprintOf } from '../../../shared/crypto/fingerprint.ts';
import { programVersion } from '../../../shared/program-version.ts';
import { PROTOCOL_VERSION } from '../../../shared/protocol/version.ts';
import { auditChoices, auditLength, searchAudit } from '../../storage/audit-search.ts';
import {
  ledgerChoicesSchema,
  ledgerEntrySchema,
  ledgerSearchSchema,
  verificationSchema,
} from './ledger-views.ts';
import { fileRoute, jsonRoute, NONE, wholeText, type Route } from './route.ts';
import type { ApiServices } from './services.ts';

const DEFAULT_ENTRIES = 100;
const MAX_ENTRIES = 1000;
const MAX_FOUND = 500;

const searchQuery = z.strictObject({
  text: z.string().max(200).optional(),
  act: z.string().max(64).optional(),
  actor: z.string().max(64).optional(),
  from: z.iso.datetime().optional(),
  to: z.iso.datetime().optional(),
  before: wholeText.optional(),
  limit: wholeText.optional(),
});

const utf8 = new TextEncoder();

/** As JSON lines, oldest first. */
async function* linesOf({ administration, database }: ApiServices): AsyncGenerator<Uint8Array> {
  for (let after = 0; ;) {
    const entries = await administration.log.entries(database, after, MAX_ENTRIES);
    const last = entries.at(-1);
    if (!last) return;
    yield utf8.encode(entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
    after = last.sequence;
  }
}

const count = z.int().min(0);

export function ledgerRoutes(services: ApiServices): Route[] {
  const { database, administration, folder, sites, runs, clock, connectedSites } = services;
  return [
    jsonRoute({
      ...{ operation: 'listLedger', method: 'get', path: '/api/v1/ledger' },
      summary: 'Entries of the record of administrative acts, in order',
      ...{ params: NONE, body: NONE },
      query: z.strictObject({ after: wholeText.optional(), limit: wholeText.optional() }),
      answer: z.strictObject({ entries: z.array(ledgerEntrySchema) }),
      handle: async ({ query: { after = 0, limit = DEFAULT_ENTRIES } }) => {
        const entries = await administration.log.entries(database, after, Math.min(limit, MAX_ENTRIES));
        return { entries: [...entries] };
      },
    }),
    jsonRoute({
      ...{ operation: 'searchLedger', method: 'get', path: '/api/v1/ledger/search' },
      summary: 'Look something up in the record, the newest first',
      ...{ params: NONE, body: NONE, query: searchQuery, answer: ledgerSearchSchema },
      handle: async ({ query: { limit: wanted = DEFAULT_ENTRIES, text, ...rest } }) => {
        const limit = Math.min(Math.max(wanted, 1), MAX_FOUND);
        const looked = { ...rest, ...(text !== undefined && text !== '' && { text }), limit };
        const entries = [...(await searchAudit(database, looked))];
        const next = entries.length < limit ? null : (entries.at(-1)?.sequence ?? null);
        return { entries, next, total: await auditLength(database) };
      },
    }),
    jsonRoute({
      ...{ operation: 'listLedgerChoices', method: 'get', path: '/api/v1/ledger/choices' },
      summary: 'Who and what stands in the record',
      ...{ params: NONE, query: NONE, body: NONE, answer: ledgerChoicesSchema },
      handle: () => auditChoices(database),
    }),
    fileRoute({
      ...{ operation: 'exportLedger', method: 'get', path: '/api/v1/ledger/export' },
      summary: 'The record as JSON lines, oldest first',
      ...{ params: NONE, query: NONE, body: NONE, mediaType: 'application/x-ndjson' },
      handle: () => Promise.resolve({ name: 'ledger.jsonl', chunks: linesOf(services) }),
    }),
    jsonRoute({
      ...{ operation: 'verifyLedger', method: 'get', path: '/api/v1/ledger/verification' },
      summary: 'Follow the chain of the record from its beginning',
      ...{ params: NONE, query: NONE, body: NONE },
      answer: verificationSchema,
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
