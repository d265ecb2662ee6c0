/** What the coordinator's commands work with: its folder and database, whether it runs or not. */
import { openCoordinatorFolder, type CoordinatorFolder } from '../../coordinator/config.ts';
import { Administration } from '../../coordinator/storage/administration.ts';
import { openDatabase, type Database } from '../../coordinator/storage/database.ts';
import { ModelStore } from '../../coordinator/storage/model-store.ts';
import { RunStore } from '../../coordinator/storage/run-store.ts';
import { SiteRegistry } from '../../coordinator/storage/site-registry.ts';
import { UserStore } from '../../coordinator/storage/user-store.ts';
import { systemClock } from '../../shared/clock.ts';
import { commandsOf } from './command-forms.ts';

export interface Common {
  readonly dir: string;
  readonly json?: boolean;
}

export interface Stores {
  readonly folder: CoordinatorFolder;
  readonly database: Database;
  readonly sites: SiteRegistry;
  readonly runs: RunStore;
  readonly users: UserStore;
  readonly models: ModelStore;
  readonly administration: Administration;
}

/** A command on the coordinator's database; a running coordinator sees what it changes. */
export async function withStores(dir: string, body: (stores: Stores) => Promise<void>): Promise<void> {
  const folder = openCoordinatorFolder(dir);
  const database = await openDatabase(folder.database);
  try {
    await body({
      ...{ folder, database },
      sites: new SiteRegistry(database, systemClock),
      runs: new RunStore(database, systemClock),
      users: new UserStore(database, systemClock),
      models: new ModelStore(folder.models),
      administration: new Administration(database, systemClock, folder.identity),
    });
  } finally {
    await database.destroy();
  }
}

export const coordinatorSubcommand = commandsOf({
  description: "the coordinator's folder",
  default: 'coordinator-data',
});
