/** Everything that a coordinator keeps, over one database and one folder: the same for its commands and while it runs. */
import type { Clock } from '../../shared/clock.ts';
import type { CoordinatorFolder } from '../config.ts';
import { Administration } from './administration.ts';
import type { Database } from './database.ts';
import { ModelVersions } from './model-versions.ts';
import { RunHistory } from './run-history.ts';
import { ModelStore } from './model-store.ts';
import { RunStore } from './run-store.ts';
import { SiteRegistry } from './site-registry.ts';
import { UserStore } from './user-store.ts';

export interface Stores {
  readonly folder: CoordinatorFolder;
  readonly database: Database;
  readonly sites: SiteRegistry;
  readonly runs: RunStore;
  readonly users: UserStore;
  readonly models: ModelStore;
  readonly versions: ModelVersions;
  readonly history: RunHistory;
  readonly administration: Administration;
}

export function storesOf(database: Database, folder: CoordinatorFolder, clock: Pick<Clock, 'nowMs'>): Stores {
  return {
    ...{ folder, database },
    sites: new SiteRegistry(database, clock),
    runs: new RunStore(database, clock),
    users: new UserStore(database, clock),
    models: new ModelStore(folder.models),
    versions: new ModelVersions(database, clock),
    history: new RunHistory(database, clock),
    administration: new Administration(database, clock, folder.identity),
  };
}
