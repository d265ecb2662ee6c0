/** `consilium coordinator ledger`: the record of administrative acts. */
import { writeFileSync } from 'node:fs';
import { Command } from 'commander';
import type { AuditEntry } from '../../coordinator/storage/audit-log.ts';
import type { Stores } from '../../coordinator/storage/stores.ts';
import { DataError, StorageError } from '../../shared/errors.ts';
import {
  contradictionOf,
  lastAnchor,
  readSiteLedger,
  siteAnchorsIn,
  siteLedgerFault,
} from './ledger-anchors.ts';
import { acting, say } from './command-forms.ts';
import { coordinatorSubcommand as command, withStores, type Common } from './coordinator-stores.ts';
import { printTable, type TableRow } from './text-table.ts';

const PAGE = 1000;

/** Of a record from which entries were taken out as well: pages begin after the last number that there is. */
async function entriesOf({ administration, database }: Stores): Promise<readonly AuditEntry[]> {
  const all: AuditEntry[] = [];
  for (;;) {
    const entries = await administration.log.entries(database, all.at(-1)?.sequence ?? 0, PAGE);
    all.push(...entries);
    if (entries.length < PAGE) return all;
  }
}

/** Hashes are for programs: they make every line too wide to read. */
export function ledgerRow(
  { sequence, at, actor, act, subject, previousHash, hash }: AuditEntry,
  { json = false }: { readonly json?: boolean },
): TableRow {
  const row = { sequence, at, actor, act, subject };
  return json ? { ...row, previousHash, hash } : row;
}

export function ledgerCommand(): Command {
  const group = new Command('ledger').description('the record of administrative acts');
  group.addCommand(
    command('list', 'all entries, in order')
      .option('--json', 'as JSON')
      .action(
        acting((options: Common) =>
          withStores(options.dir, async (stores) => {
            const entries = await entriesOf(stores);
            printTable(
              entries.map((entry) => ledgerRow(entry, options)),
              options,
            );
          }),
        ),
      ),
  );
  group.addCommand(
    command(
      'export',
      'write all entries, which a site checks with `site ledger --verify --coordinator-ledger`',
    )
      .argument('<file>', 'JSON lines')
      .action(
        acting((file: string, options: Common) =>
          withStores(options.dir, async (stores) => {
            const entries = await entriesOf(stores);
            writeFileSync(file, entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
            say(`${String(entries.length)} entries: ${file}`);
          }),
        ),
      ),
  );
  group.addCommand(
    command('verify', 'follow the chain of entries, and what sites have told of their ledgers')
      .option(
        '--site-ledger <file>',
        'a site’s ledger.jsonl, which is checked against what the site has told',
      )
      .action(
        acting((options: VerifyOptions) => withStores(options.dir, (stores) => verify(stores, options))),
      ),
  );
  return group;
}

interface VerifyOptions extends Common {
  readonly siteLedger?: string;
}

async function verify(stores: Stores, { siteLedger }: VerifyOptions): Promise<void> {
  const { administration, database, sites } = stores;
  const { entries: count, brokenAt } = await administration.log.verify(database);
  if (brokenAt !== undefined)
    throw new StorageError(
      `entry ${String(brokenAt)} is not what was written; the ${String(count)} before it are`,
    );
  say(`all ${String(count)} entries are as they were written`);
  const anchors = siteAnchorsIn(await entriesOf(stores));
  for (const [siteId, told] of anchors) {
    const fault = contradictionOf(siteId, told);
    if (fault !== undefined) throw new DataError(fault);
    say(`${siteId}: ${lastAnchor(told)}`);
  }
  if (siteLedger === undefined) return;
  const { siteId, reading } = await readSiteLedger(
    siteLedger,
    async (name) => (await sites.find(name))?.publicKey,
  );
  const told = anchors.get(siteId) ?? [];
  const fault = siteLedgerFault(siteId, reading, told);
  if (fault !== undefined) throw new DataError(`${siteLedger}: ${fault}`);
  say(`${siteLedger} is the ledger that ${siteId} has told of in ${String(told.length)} rounds`);
}
