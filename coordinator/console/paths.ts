/** What the console asks the coordinator, with the types of the answers. */
import type { Path } from '../../shared/ui/query.ts';
import type { LedgerChoices, LedgerPage, Verification } from '../http/api/ledger-views.ts';
import type { Overview } from '../http/api/overview-views.ts';
import type { OpenSession, SessionView, UserView } from '../http/api/people-views.ts';
import type { SettingsView } from '../http/api/settings-views.ts';
import type { InvitationView, SiteDetail, SiteView } from '../http/api/site-views.ts';

const ROOT = '/api/v1';

export const LOGIN: Path<SessionView> = `${ROOT}/login`;
export const LOGOUT: Path<undefined> = `${ROOT}/logout`;
export const SESSION: Path<SessionView> = `${ROOT}/session`;
export const OWN_PASSWORD: Path<undefined> = `${ROOT}/session/password`;

export const OVERVIEW: Path<Overview> = `${ROOT}/overview`;

export const SITES: Path<{ readonly sites: readonly SiteView[] }> = `${ROOT}/sites`;
export const sitePath = (siteId: string): Path<SiteDetail> => `${SITES}/${encodeURIComponent(siteId)}`;
export const siteStatusPath = (siteId: string): Path<SiteView> => `${sitePath(siteId)}/status`;
export const INVITATIONS: Path<{ readonly invitations: readonly InvitationView[] }> = `${ROOT}/invitations`;
export const NEW_INVITATION: Path<{ readonly invitation: string }> = `${ROOT}/invitations`;
export const invitationPath = (id: string): Path<undefined> => `${INVITATIONS}/${encodeURIComponent(id)}`;

export const USERS: Path<{ readonly users: readonly UserView[] }> = `${ROOT}/users`;
export const NEW_USER: Path<UserView> = `${ROOT}/users`;
export const userPath = (name: string): Path<UserView> => `${USERS}/${encodeURIComponent(name)}`;
export const SESSIONS: Path<{ readonly sessions: readonly OpenSession[] }> = `${ROOT}/sessions`;
export const sessionPath = (id: string): Path<undefined> => `${SESSIONS}/${encodeURIComponent(id)}`;

export const LEDGER_CHOICES: Path<LedgerChoices> = `${ROOT}/ledger/choices`;
export const LEDGER_VERIFICATION: Path<Verification> = `${ROOT}/ledger/verification`;
export const LEDGER_EXPORT = `${ROOT}/ledger/export`;
export const ledgerSearchPath = (query: URLSearchParams): Path<LedgerPage> =>
  `${ROOT}/ledger/search?${query.toString()}`;

export const SETTINGS: Path<SettingsView> = `${ROOT}/settings`;
