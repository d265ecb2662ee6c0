/** What the routes of the API work with. */
import type { Clock } from '../../../shared/clock.ts';
import type { SiteId } from '../../../shared/ids.ts';
import type { CoordinatorFolder } from '../../config.ts';
import type { Logins, LoginOutcome } from '../../people/logins.ts';
import type { Passwords } from '../../people/password.ts';
import type { Administration } from '../../storage/administration.ts';
import type { Database } from '../../storage/database.ts';
import type { ModelStore } from '../../storage/model-store.ts';
import type { RunStore } from '../../storage/run-store.ts';
import type { SiteRegistry } from '../../storage/site-registry.ts';
import type { UserStore } from '../../storage/user-store.ts';

export interface ApiServices {
  readonly folder: Pick<CoordinatorFolder, 'identity' | 'federationId' | 'config'>;
  readonly database: Database;
  readonly sites: SiteRegistry;
  readonly runs: RunStore;
  readonly users: UserStore;
  readonly models: ModelStore;
  readonly administration: Administration;
  readonly passwords: Passwords;
  readonly logins: Logins;
  readonly clock: Pick<Clock, 'nowMs' | 'elapsedMs'>;
  readonly connectedSites: () => readonly SiteId[];
  /** For the log and the counters. */
  readonly loggedIn: (outcome: LoginOutcome, address: string) => void;
}
