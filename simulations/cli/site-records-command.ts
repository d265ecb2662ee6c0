/** `consilium site ledger | receipts`: what the site has done, and what the coordinator has signed for it. */
import type { Command } from 'commander';
import { openSiteFolder } from '../../client/config.ts';
import type { SiteAct } from '../../client/ledger/acts.ts';
import { readLedger, type LedgerReading } from '../../client/ledger/ledger-file.ts';
import { hashReceipt } from '../../client/ledger/receipt.ts';
import { readReceipts, type CheckedReceipt } from '../../client/ledger/receipt-files.ts';
import { fromHex } from '../../shared/crypto/bytes.ts';
import { DataError } from '../../shared/errors.ts';
import { acting, say } from './command-forms.ts';
import { siteCommandNamed as command, type SiteOptions } from './site-forms.ts';

export const siteRecordCommands = (): readonly Command[] => [ledger(), receipts()];

interface RecordOptions extends SiteOptions {
  readonly verify?: boolean;
}

function ledger(): Command {
  return command('ledger', 'what this site has done, entry by entry')
    .option('--verify', 'check the whole chain, and that no receipt is missing from it')
    .option('--json', 'as JSON lines')
    .action(
      acting(async ({ dir, json, verify }: RecordOptions) => {
        const { path, identity, config } = openSiteFolder(dir);
        const reading = await readLedger(path, identity.publicKey);
        const known = await readReceipts(path, fromHex(config.coordinator.key));
        if (!verify)
          for (const entry of reading.entries)
            say(
              json
                ? JSON.stringify(entry)
                : `${entry.time}  ${entry.actor.padEnd(13)}  ${inWords(entry.event)}`,
            );
        const fault = ledgerFault(reading, known);
        if (fault !== undefined) throw new DataError(`the ledger is not as it was written: ${fault}`);
        if (verify)
          say(
            json
              ? JSON.stringify({ entries: reading.entries.length, head: reading.head.prevHash })
              : `${String(reading.entries.length)} entries, each signed by this site and following the one before${cutShort(reading)}`,
          );
      }),
    );
}

const cutShort = ({ tail }: LedgerReading): string =>
  tail ? '; after them a line that was cut short, which the next entry repairs' : '';

/** Undefined when nothing is wrong. Receipts show an end that was cut off. */
export function ledgerFault(
  { entries, fault }: LedgerReading,
  receipts: readonly CheckedReceipt[],
): string | undefined {
  if (fault) return `line ${String(fault.line)} ${fault.what}`;
  const entered = new Set(
    entries.flatMap(({ event }) => (event.kind === 'receipt' ? [event.receiptHash] : [])),
  );
  const missing = receipts.find(({ receipt }) => receipt && !entered.has(hashReceipt(receipt)));
  return missing && `the receipt ${missing.file} is not in it: entries at its end are missing`;
}

const placeOf = ({ runId, round, attempt }: { runId: string; round: number; attempt: number }): string =>
  `run ${runId}, round ${String(round)}${attempt > 1 ? `, attempt ${String(attempt)}` : ''}`;

function inWords(act: SiteAct): string {
  switch (act.kind) {
    case 'planApproved':
      return `approved plan ${act.planHash.slice(0, 16)} with ${String(act.siteCount)} sites`;
    case 'planWithdrawn':
      return `withdrew plan ${act.planHash.slice(0, 16)}`;
    case 'started':
      return `the agent of ${act.siteId} started`;
    case 'stopped':
      return 'the agent stopped';
    case 'joined':
      return `${placeOf(act)}: takes part with ${String(act.cohortSize)} sites (${act.protection})`;
    case 'trained':
      return `${placeOf(act)}: trained ${String(act.steps)} steps in ${String(act.seconds)} s on ${act.engine}${act.examples === undefined ? '' : `, ${act.examples} images`}`;
    case 'sent':
      return `${placeOf(act)}: sends ${act.what}, ${String(act.payloadBytes)} bytes, SHA-512 ${act.payloadHash.slice(0, 16)}… (${act.protection})`;
    case 'refused':
      return `${placeOf(act)}: refuses: ${act.reason}`;
    case 'attemptFailed':
      return `${placeOf(act)}: training failed`;
    case 'receipt':
      return `${placeOf(act)}: published with this site; receipt ${act.receiptHash.slice(0, 16)}…`;
    case 'repaired':
      return `took away ${String(act.lostBytes)} bytes of an entry that was cut short`;
  }
}

function receipts(): Command {
  return command('receipts', 'the rounds in whose models this site is, as the coordinator has signed')
    .option('--verify', 'say of each whether its signatures are good; the exit code says whether all are')
    .option('--json', 'as JSON lines')
    .action(
      acting(async ({ dir, json, verify }: RecordOptions) => {
        const { path, config } = openSiteFolder(dir);
        const known = await readReceipts(path, fromHex(config.coordinator.key));
        for (const each of known) say(json ? JSON.stringify(each) : receiptLine(each));
        if (known.length === 0 && !json) say('none');
        const bad = known.filter(({ fault }) => fault !== undefined);
        if (verify && bad.length > 0)
          throw new DataError(`${String(bad.length)} of ${String(known.length)} receipts prove nothing`);
      }),
    );
}

function receiptLine({ file, receipt, fault }: CheckedReceipt): string {
  if (!receipt) return `${file}: ${fault ?? ''}`;
  const { evidence, published } = receipt;
  const { runId, round } = evidence.context;
  return `run ${runId}, round ${String(round)}: model ${published.newModelHash.slice(0, 16)}… of ${String(published.survivorCount)} sites: ${fault ?? 'signed'}`;
}
