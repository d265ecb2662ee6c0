/**
 * The hash chain of a site's ledger: every line holds the SHA-512 of the line before it and the site's signature, so that
 * a line that was changed, removed or put in between shows. A line is canonical JSON (RFC 8785), so that it has one
 * form. What a chain alone cannot show is that its last lines were cut off: the receipts say where it has been.
 */
import { z } from 'zod';
import { sha512Hex } from '../../shared/crypto/hash.ts';
import type { Identity } from '../../shared/crypto/identity.ts';
import { signStatement, verifyStatement } from '../../shared/crypto/statement.ts';
import { canonicalJson } from '../../shared/protocol/canonical.ts';
import { hexOf } from '../../shared/protocol/hex.ts';
import { siteActSchema, type SiteAct } from './acts.ts';

/** Who has done it: the program by itself, or a person with it. */
const actorSchema = z.enum(['agent', 'administrator']);
export type Actor = z.infer<typeof actorSchema>;

const entrySchema = z.strictObject({
  /** From 0. */
  seq: z.int().min(0),
  /** SHA-512 of the line before. */
  prevHash: hexOf(64),
  time: z.iso.datetime(),
  actor: actorSchema,
  event: siteActSchema,
  signature: hexOf(64),
});
export type LedgerEntry = z.infer<typeof entrySchema>;

/** Where the next entry goes. */
export interface LedgerHead {
  readonly seq: number;
  readonly prevHash: string;
}

export const BEGINNING: LedgerHead = { seq: 0, prevHash: '0'.repeat(128) };

const utf8 = new TextEncoder();

const after = ({ seq }: LedgerHead, line: string): LedgerHead => ({
  seq: seq + 1,
  prevHash: sha512Hex(utf8.encode(line)),
});

export interface NewEntry {
  /** ISO 8601, UTC. */
  readonly time: string;
  readonly actor: Actor;
  readonly event: SiteAct;
}

/** The next line, without its end, and where the one after it goes. */
export function nextLine(
  head: LedgerHead,
  entry: NewEntry,
  identity: Identity,
): { readonly line: string; readonly head: LedgerHead } {
  const fields = { ...head, ...entry };
  const line = canonicalJson({ ...fields, signature: signStatement(identity, 'ledger', fields) });
  return { line, head: after(head, line) };
}

/** What is wrong with a line, in words. */
export type ChainFault =
  | 'is no entry of this version'
  | 'is not in its one form'
  | 'does not follow the line before it'
  | 'is not signed with the key of this site';

export interface ChainCheck {
  readonly entries: readonly LedgerEntry[];
  readonly head: LedgerHead;
  /** The first line that is not what was written, from 1; `entries` ends before it. */
  readonly fault?: { readonly line: number; readonly what: ChainFault };
}

/**
 * Follows the chain from its beginning, or from `start` on, which was checked before. `lines`: without their ends; a
 * fault's line counts from the first of them.
 */
export function checkChain(
  lines: readonly string[],
  publicKey: Uint8Array,
  start: LedgerHead = BEGINNING,
): ChainCheck {
  const entries: LedgerEntry[] = [];
  let head = start;
  for (const line of lines) {
    const found = checkLine(line, head, publicKey);
    if (typeof found === 'string') return { entries, head, fault: { line: entries.length + 1, what: found } };
    entries.push(found);
    head = after(head, line);
  }
  return { entries, head };
}

function checkLine(line: string, head: LedgerHead, publicKey: Uint8Array): LedgerEntry | ChainFault {
  const parsed = entrySchema.safeParse(jsonOf(line));
  if (!parsed.success) return 'is no entry of this version';
  const { signature, ...fields } = parsed.data;
  if (canonicalJson(parsed.data) !== line) return 'is not in its one form';
  if (fields.seq !== head.seq || fields.prevHash !== head.prevHash)
    return 'does not follow the line before it';
  const isSigned = verifyStatement(publicKey, { purpose: 'ledger', fields, signature });
  return isSigned ? parsed.data : 'is not signed with the key of this site';
}

function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
