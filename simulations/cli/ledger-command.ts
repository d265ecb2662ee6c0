/** `consilium coordinator ledger`: the record of administrative acts. */
import { Command } from 'commander';
import type { AuditEntry } from '../../coordinator/storage/audit-log.ts';
import { StorageError } from '../../shared/errors.ts';
import { acting, say } from './command-forms.ts';
import {
  coordinatorSubcommand as command,
  withStores,
  type Common,
  type Stores,
} from './coordinator-stores.ts';
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
    command('verify', 'follow the chain of entries from its beginning').action(
      acting((options: Common) =>
        withStores(options.dir, async ({ administration, database }) => {
          const { entries, brokenAt } = await administration.log.verify(database);
          if (brokenAt !== undefined)
            throw new StorageError(
              `entry ${String(brokenAt)} is not what was written; the ${String(entries)} before it are`,
            );
          say(`all ${String(entries)} entries are as they were written`);
        }),
      ),
    ),
  );
  return group;
}
