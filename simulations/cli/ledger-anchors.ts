/**
 * What two ledgers say of each other: each holds, for every round, where the other stood. An anchor that does not fit names
 * the entry at which one of them stopped being what it was.
 */
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';
import type { LedgerEntry } from '../../client/ledger/chain.ts';
import { LEDGER_FILE, readLedger, type LedgerReading } from '../../client/ledger/ledger-file.ts';
import { checkEntries, type AuditEntry } from '../../coordinator/storage/audit-log.ts';
import { DataError, InputError, messageOf } from '../../shared/errors.ts';
import { siteIdSchema, type SiteId } from '../../shared/ids.ts';
import { firstContradiction, firstMisfit, type LedgerAnchor } from '../../shared/protocol/ledger-anchor.ts';

/** An anchor with the place where it was entered. */
export interface EnteredAnchor extends LedgerAnchor {
  /** Of the ledger that holds it: the entry's number, or the line. */
  readonly at: string;
  /** Of which round. */
  readonly round: string;
}

const detailSchema = z.object({
  round: z.int(),
  attempt: z.int(),
  anchors: z.array(z.string().regex(/^[a-z0-9-]+ \d+ [0-9a-f]{128}$/)),
});

/** What each site has told the coordinator, in the order of the rounds. Other entries are passed by. */
export function siteAnchorsIn(entries: readonly AuditEntry[]): ReadonlyMap<SiteId, readonly EnteredAnchor[]> {
  const anchors = new Map<SiteId, EnteredAnchor[]>();
  for (const { sequence, act, subject, detail } of entries) {
    const parsed = act.startsWith('round-') ? detailSchema.safeParse(detail).data : undefined;
    for (const text of parsed?.anchors ?? []) {
      const [name = '', count = '', hash = ''] = text.split(' ');
      const siteId = siteIdSchema.parse(name);
      const round = `run ${subject}, round ${String(parsed?.round ?? 0)}`;
      const anchor = { at: `entry ${String(sequence)}`, round, entries: Number(count), hash };
      anchors.set(siteId, [...(anchors.get(siteId) ?? []), anchor]);
    }
  }
  return anchors;
}

/** What the coordinator has told a site. */
export function coordinatorAnchorsIn(entries: readonly LedgerEntry[]): readonly EnteredAnchor[] {
  return entries.flatMap(({ seq, event }) =>
    event.kind === 'anchored'
      ? [
          {
            at: `line ${String(seq + 1)}`,
            round: `run ${event.runId}, round ${String(event.round)}`,
            ...event.coordinator,
          },
        ]
      : [],
  );
}

/** In one line. */
export function lastAnchor(anchors: readonly EnteredAnchor[]): string {
  const last = anchors.at(-1);
  if (!last) return 'nothing was told of it yet';
  return `${String(last.entries)} entries, SHA-512 ${last.hash.slice(0, 16)}…, as told in ${last.round} (${String(anchors.length)} anchors)`;
}

/** Undefined when all that was told can be true together. @param whose in words */
export function contradictionOf(whose: string, anchors: readonly EnteredAnchor[]): string | undefined {
  const wrong = firstContradiction(anchors);
  return (
    wrong &&
    `${wrong.at}: in ${wrong.round} ${whose} told of a ledger that contradicts what it had told before: entries were removed or changed`
  );
}

const misfitText = (wrong: EnteredAnchor, whose: string): string =>
  `entry ${String(wrong.entries)} is not the one that ${whose} told of in ${wrong.round} (${wrong.at}), or is missing`;

/** Undefined when the site's ledger is the one that it has told the coordinator of. */
export function siteLedgerFault(
  siteId: SiteId,
  { entries, head, fault }: LedgerReading,
  anchors: readonly EnteredAnchor[],
): string | undefined {
  if (fault) return `line ${String(fault.line)} ${fault.what}`;
  const hashAt = (count: number): string | undefined =>
    count === entries.length ? head.prevHash : entries[count]?.prevHash;
  const wrong = firstMisfit(anchors, hashAt);
  return wrong && misfitText(wrong, siteId);
}

/** Undefined when the coordinator's ledger is whole, and the one that the site was told of. */
export function coordinatorLedgerFault(
  entries: readonly AuditEntry[],
  publicKey: Uint8Array,
  anchors: readonly EnteredAnchor[],
): string | undefined {
  const { brokenAt } = checkEntries(entries, publicKey);
  if (brokenAt !== undefined) return `entry ${String(brokenAt)} is not what was written`;
  const wrong = firstMisfit(anchors, (count) =>
    count === 0 ? entries[0]?.previousHash : entries[count - 1]?.hash,
  );
  return wrong && misfitText(wrong, 'the coordinator');
}

const entrySchema = z.strictObject({
  sequence: z.int(),
  at: z.string(),
  actor: z.string(),
  act: z.string(),
  subject: z.string(),
  detail: z.unknown(),
  previousHash: z.string(),
  hash: z.string(),
  signature: z.string(),
});

/** Of `coordinator ledger export`. @throws InputError or DataError when it is none */
export function readCoordinatorLedger(file: string): readonly AuditEntry[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new InputError(`--coordinator-ledger: ${file} cannot be read: ${messageOf(cause)}`, { cause });
  }
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line, i) => {
      const parsed = entrySchema.safeParse(jsonOf(line));
      if (!parsed.success)
        throw new DataError(
          `${file}: line ${String(i + 1)} is no entry of a coordinator’s ledger; it is written by \`consilium coordinator ledger export\``,
        );
      return parsed.data;
    });
}

function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

const startedSchema = z.object({ event: z.object({ kind: z.literal('started'), siteId: siteIdSchema }) });

/**
 * @param file a `ledger.jsonl`
 * @param keyOf the key of an enrolled site
 * @throws InputError when it is none, or of nobody who is known
 */
export async function readSiteLedger(
  file: string,
  keyOf: (siteId: SiteId) => Promise<Uint8Array | undefined>,
): Promise<{ readonly siteId: SiteId; readonly reading: LedgerReading }> {
  if (!file.endsWith(LEDGER_FILE))
    throw new InputError(`--site-ledger: ${file} is not called ${LEDGER_FILE}, as a site’s ledger is`);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new InputError(`--site-ledger: ${file} cannot be read: ${messageOf(cause)}`, { cause });
  }
  const started = text.split('\n').flatMap((line) => startedSchema.safeParse(jsonOf(line)).data ?? [])[0];
  const siteId = started?.event.siteId;
  const publicKey = siteId && (await keyOf(siteId));
  if (!siteId || !publicKey)
    throw new InputError(`--site-ledger: ${file} names no site that is enrolled here`);
  return { siteId, reading: await readLedger(dirname(file), publicKey) };
}
