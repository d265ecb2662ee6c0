/** What the routes of the API work with. */
import type { Clock } from '../../../shared/clock.ts';
import type { SiteId } from '../../../shared/ids.ts';
import type { LoginAttempts } from '../../people/login-attempts.ts';
import type { Logins, LoginOutcome } from '../../people/logins.ts';
import type { Passwords } from '../../people/password.ts';
import type { RoundWatch } from '../../run/round-watch.ts';
import type { Stores } from '../../storage/stores.ts';

export interface ApiServices extends Stores {
  readonly passwords: Passwords;
  readonly logins: Logins;
  readonly clock: Pick<Clock, 'nowMs' | 'elapsedMs'>;
  readonly connectedSites: () => readonly SiteId[];
  /** What goes on in the runs now. */
  readonly watch: RoundWatch;
  readonly attempts: LoginAttempts;
  /** For the log and the counters. */
  readonly loggedIn: (outcome: LoginOutcome, address: string) => void;
  /** Somebody has changed something: whoever looks on is told soon. */
  readonly changed: () => void;
}
