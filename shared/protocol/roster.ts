/**
 * The roster: the sites of a federation and their keys, signed by the federation's administrator. A site pins the hash
 * of the roster that it has accepted, so that nobody can invent a site that takes part in a round with it.
 */
import { z } from 'zod';
import { fromHex, toHex } from '../crypto/bytes.ts';
import { sha512Hex } from '../crypto/hash.ts';
import type { Identity } from '../crypto/identity.ts';
import { signStatement, verifyStatement } from '../crypto/statement.ts';
import { siteIdSchema, type SiteId } from '../ids.ts';
import { canonicalBytes } from './canonical.ts';
import { hexOf } from './hex.ts';

/** Ed25519 public keys of the enrolled sites. */
export type Roster = ReadonlyMap<SiteId, Uint8Array>;

export const signedRosterSchema = z.strictObject({
  sites: z
    .array(z.strictObject({ siteId: siteIdSchema, publicKey: hexOf(32) }))
    .min(1)
    .refine(
      (sites) => new Set(sites.map(({ siteId }) => siteId)).size === sites.length,
      'a site is named twice',
    )
    .refine(
      (sites) => new Set(sites.map(({ publicKey }) => publicKey)).size === sites.length,
      'a key is named twice',
    ),
  signature: hexOf(64),
});
export type SignedRoster = z.infer<typeof signedRosterSchema>;

/** Sorted by id, so that a roster has one form. */
const entriesOf = (roster: Roster) =>
  [...roster]
    .map(([siteId, publicKey]) => ({ siteId, publicKey: toHex(publicKey) }))
    .sort((a, b) => (a.siteId < b.siteId ? -1 : 1));

/** 128 hexadecimal digits. */
export function hashRoster(roster: Roster): string {
  return sha512Hex(canonicalBytes({ sites: entriesOf(roster) }));
}

export function signRoster(administrator: Identity, roster: Roster): SignedRoster {
  const sites = entriesOf(roster);
  return { sites, signature: signStatement(administrator, 'roster', { sites }) };
}

/** The keys of a roster that the administrator has signed; undefined for any other. */
export function openRoster(administratorKey: Uint8Array, signed: SignedRoster): Roster | undefined {
  const roster = new Map(signed.sites.map(({ siteId, publicKey }) => [siteId, fromHex(publicKey)]));
  const statement = {
    purpose: 'roster',
    fields: { sites: entriesOf(roster) },
    signature: signed.signature,
  } as const;
  return verifyStatement(administratorKey, statement) ? roster : undefined;
}
