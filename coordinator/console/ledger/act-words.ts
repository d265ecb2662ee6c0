/** The acts of the ledger in words. */
import type { AuditAct } from '../../storage/audit-log.ts';

const WORDS: Readonly<Record<AuditAct, string>> = {
  'site-invited': 'Site invited',
  'invitation-withdrawn': 'Invitation withdrawn',
  'site-active': 'Site approved',
  'site-suspended': 'Site suspended',
  'site-removed': 'Site removed',
  'plan-added': 'Plan added',
  'plan-removed': 'Plan removed',
  'run-added': 'Run added',
  'run-paused': 'Run paused',
  'run-resumed': 'Run resumed',
  'run-stopped': 'Run stopped',
  'run-moved': 'Run moved in the queue',
  'round-published': 'Round published',
  'round-counted': 'Classes counted',
  'round-aborted': 'Round aborted',
  'model-promoted': 'Model promoted',
  'model-rolled-back': 'Model rolled back',
  'user-added': 'User added',
  'user-removed': 'User removed',
  'user-role': 'Role changed',
  'user-password': 'Password changed',
  login: 'Logged in',
  logout: 'Logged out',
  'session-ended': 'Session ended',
};

const byAct = new Map<string, string>(Object.entries(WORDS));

/** What stands in the ledger may have been changed: an act without words is shown as it is. */
export const actWords = (act: string): string => byAct.get(act) ?? act;

/** What belongs to an act, in one line. */
export function detailWords(detail: unknown): string {
  if (detail === null || detail === undefined) return '';
  if (typeof detail !== 'object') return JSON.stringify(detail);
  return Object.entries(detail)
    .map(
      ([name, value]: [string, unknown]) =>
        `${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`,
    )
    .join(' · ');
}
