/** What each role may do. */
import type { UserView } from '../../http/api/people-views.ts';

export const ROLE_WORDS: Readonly<Record<UserView['role'], string>> = {
  administrator: 'Everything: sites, plans, runs, models, users.',
  researcher: 'Sees sites, plans, runs and models; downloads models; checks and adds plans.',
  auditor: 'Sees all of that, the users and the ledger; changes nothing.',
};

export const ROLE_OPTIONS = [
  { value: 'researcher', label: 'researcher' },
  { value: 'auditor', label: 'auditor' },
  { value: 'administrator', label: 'administrator' },
] as const;
