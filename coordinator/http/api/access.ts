/** Who may do what: the one table. Every operation of the API stands here, and none is served that does not. */
import type { Role } from '../../storage/tables.ts';

/** `anyone`: without a login; `signed-in`: whatever the role. */
export type Access = 'anyone' | 'signed-in' | readonly Role[];

const administrators: Access = ['administrator'];
const readers: Access = 'signed-in';

export const ACCESS = {
  describeApi: 'anyone',
  login: 'anyone',
  logout: 'signed-in',
  showSession: 'signed-in',
  changeOwnPassword: 'signed-in',
  showStatus: readers,
  showOverview: readers,
  listSites: readers,
  showSite: readers,
  inviteSite: administrators,
  listInvitations: ['administrator', 'auditor'],
  withdrawInvitation: administrators,
  changeSite: administrators,
  listPlans: readers,
  showPlan: readers,
  checkPlan: ['administrator', 'researcher'],
  addPlan: ['administrator', 'researcher'],
  comparePlans: readers,
  removePlan: ['administrator', 'researcher'],
  listRuns: readers,
  showRun: readers,
  addRun: administrators,
  wishRun: administrators,
  moveRun: administrators,
  showProgress: readers,
  listRounds: readers,
  showEvaluation: readers,
  listRunSites: readers,
  listAttempts: readers,
  showTimeline: readers,
  showPrivacy: readers,
  listRunEvents: readers,
  showPartition: readers,
  listModels: readers,
  listVersions: readers,
  showModel: readers,
  compareModels: readers,
  showCurrentModel: readers,
  promoteModel: administrators,
  rollBackModel: administrators,
  showModelCard: readers,
  downloadOnnx: readers,
  downloadLayersModel: readers,
  listUsers: ['administrator', 'auditor'],
  addUser: administrators,
  changeUser: administrators,
  removeUser: administrators,
  listSessions: ['administrator', 'auditor'],
  endSession: administrators,
  listLedger: ['administrator', 'auditor'],
  verifyLedger: ['administrator', 'auditor'],
  searchLedger: ['administrator', 'auditor'],
  listLedgerChoices: ['administrator', 'auditor'],
  exportLedger: ['administrator', 'auditor'],
  showSettings: ['administrator', 'auditor'],
} as const satisfies Readonly<Record<string, Access>>;

export type Operation = keyof typeof ACCESS;

export function isAllowed(access: Access, role: Role | undefined): boolean {
  if (access === 'anyone') return true;
  if (role === undefined) return false;
  return access === 'signed-in' || access.includes(role);
}
