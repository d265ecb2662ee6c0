/** What the coordinator's commands work with: its folder and database, whether it runs or not. */
import { openCoordinatorFolder } from '../../coordinator/config.ts';
import { openDatabase } from '../../coordinator/storage/database.ts';
import { storesOf, type Stores } from '../../coordinator/storage/stores.ts';
import { systemClock } from '../../shared/clock.ts';
import { commandsOf } from './command-forms.ts';

export interface Common {
  readonly dir: string;
  readonly json?: boolean;
}

/** A command on the coordinator's database; a running coordinator sees what it changes. */
export async function withStores(dir: string, body: (stores: Stores) => Promise<void>): Promise<void> {
  const folder = openCoordinatorFolder(dir);
  const database = await openDatabase(folder.database);
  try {
    await body(storesOf(database, folder, systemClock));
  } finally {
    await database.destroy();
  }
}

export const coordinatorSubcommand = commandsOf({
  description: "the coordinator's folder",
  default: 'coordinator-data',
});
