/** `consilium site ledger | receipts`: what the site has done, and what the coordinator has signed for it. */
import type { Command } from 'commander';
import { openSiteFolder } from '../../client/config.ts';
import { ledgerFault } from '../../client/ledger/ledger-fault.ts';
import { readLedger, type LedgerReading } from '../../client/ledger/ledger-file.ts';
import { receiptText, RoundActs } from '../../client/ledger/receipt-text.ts';
import { readReceipts, type CheckedReceipt } from '../../client/ledger/receipt-files.ts';
import { actInWords } from '../../client/ledger/words.ts';
import { fromHex } from '../../shared/crypto/bytes.ts';
import { DataError } from '../../shared/errors.ts';
import { acting, say } from './command-forms.ts';
import {
  contradictionOf,
  coordinatorAnchorsIn,
  coordinatorLedgerFault,
  lastAnchor,
  readCoordinatorLedger,
} from './ledger-anchors.ts';
import { siteCommandNamed as command, type SiteOptions } from './site-forms.ts';

export const siteRecordCommands = (): readonly Command[] => [ledger(), receipts()];

interface RecordOptions extends SiteOptions {
  readonly verify?: boolean;
  readonly coordinatorLedger?: string;
}

function ledger(): Command {
  return command('ledger', 'what this site has done, entry by entry')
    .option('--verify', 'check the whole chain, and that no receipt is missing from it')
    .option(
      '--coordinator-ledger <file>',
      'with --verify: the coordinator’s exported ledger, which is checked against what the coordinator has told',
    )
    .option('--json', 'as JSON lines')
    .action(
      acting(async ({ dir, json, verify, coordinatorLedger }: RecordOptions) => {
        const { path, identity, config } = openSiteFolder(dir);
        const reading = await readLedger(path, identity.publicKey);
        const known = await readReceipts(path, fromHex(config.coordinator.key));
        if (!verify)
          for (const entry of reading.entries)
            say(
              json
                ? JSON.stringify(entry)
                : `${entry.time}  ${entry.actor.padEnd(13)}  ${actInWords(entry.event)}`,
            );
        const fault = ledgerFault(reading, known);
        if (fault !== undefined) throw new DataError(`the ledger is not as it was written: ${fault}`);
        const anchors = coordinatorAnchorsIn(reading.entries);
        const contradiction = contradictionOf('the coordinator', anchors);
        if (contradiction !== undefined) throw new DataError(contradiction);
        if (verify)
          say(
            json
              ? JSON.stringify({ entries: reading.entries.length, head: reading.head.prevHash })
              : `${String(reading.entries.length)} entries, each signed by this site and following the one before${cutShort(reading)}`,
          );
        if (verify && !json) say(`the coordinator’s ledger: ${lastAnchor(anchors)}`);
        if (coordinatorLedger === undefined) return;
        const key = fromHex(config.coordinator.key);
        const wrong = coordinatorLedgerFault(readCoordinatorLedger(coordinatorLedger), key, anchors);
        if (wrong !== undefined) throw new DataError(`${coordinatorLedger}: ${wrong}`);
        if (!json) say(`${coordinatorLedger} is the ledger that this site was told of`);
      }),
    );
}

const cutShort = ({ tail }: LedgerReading): string =>
  tail ? '; after them a line that was cut short, which the next entry repairs' : '';

function receipts(): Command {
  return command(
    'receipts',
    'what left this site in each round whose model it is in, and what the coordinator has signed',
  )
    .option('--verify', 'say of each whether its signatures are good; the exit code says whether all are')
    .option('--json', 'as JSON lines')
    .action(
      acting(async ({ dir, json, verify }: RecordOptions) => {
        const { path, config, identity } = openSiteFolder(dir);
        const known = await readReceipts(path, fromHex(config.coordinator.key));
        const { entries } = await readLedger(path, identity.publicKey);
        const acts = new RoundActs(entries.map(({ event }) => event));
        for (const each of known) say(json ? JSON.stringify(each) : receiptBlock(each, acts));
        if (known.length === 0 && !json) say('none');
        const bad = known.filter(({ fault }) => fault !== undefined);
        if (verify && bad.length > 0)
          throw new DataError(`${String(bad.length)} of ${String(known.length)} receipts prove nothing`);
      }),
    );
}

function receiptBlock({ file, receipt, fault }: CheckedReceipt, acts: RoundActs): string {
  if (!receipt) return `${file}: ${fault ?? ''}`;
  return receiptText(receipt, acts.of(receipt.evidence.context), fault);
}
