/** `consilium coordinator ledger`: the record of administrative acts. */
import { Command } from 'commander';
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

async function rowsOf({ administration, database }: Stores): Promise<TableRow[]> {
  const rows: TableRow[] = [];
  for (;;) {
    const entries = await administration.log.entries(database, rows.length, PAGE);
    for (const { sequence, at, actor, act, subject } of entries)
      rows.push({ sequence, at, actor, act, subject });
    if (entries.length < PAGE) return rows;
  }
}

export function ledgerCommand(): Command {
  const group = new Command('ledger').description('the record of administrative acts');
  group.addCommand(
    command('list', 'all entries, in order')
      .option('--json', 'as JSON')
      .action(
        acting((options: Common) =>
          withStores(options.dir, async (stores) => {
            printTable(await rowsOf(stores), options);
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
