/** What the page asks its agent, with the types of the answers. */
import type { Path } from '../../../shared/ui/query.ts';
import type {
  BenefitView,
  DataView,
  LedgerView,
  PlansView,
  PolicyView,
  ReceiptsView,
  SamplesView,
  SessionView,
  StateView,
  TrainingView,
  VerificationView,
} from '../views.ts';

export const SESSION: Path<SessionView> = '/api/session';
export const LOGOUT: Path<undefined> = '/api/logout';
export const STATE: Path<StateView> = '/api/state';
export const STOP: Path<StateView> = '/api/stop';

export const PLANS: Path<PlansView> = '/api/plans';
export const approvePath = (planHash: string): Path<{ readonly outcome: 'approved' | 'proposed' }> =>
  `/api/plans/${planHash}/approve`;
export const refusePath = (planHash: string): Path<object> => `/api/plans/${planHash}/refuse`;

export const RECEIPTS: Path<ReceiptsView> = '/api/receipts';
export const TRAINING: Path<TrainingView> = '/api/training';
export const BENEFIT: Path<BenefitView> = '/api/benefit';
export const DATA: Path<DataView> = '/api/data';
export const SCAN: Path<DataView> = '/api/data/scan';
export const SAMPLES: Path<SamplesView> = '/api/data/samples';
/** Of a picture. */
export const samplePath = (id: string): string => `${SAMPLES}/${id}`;
export const POLICY: Path<PolicyView> = '/api/policy';

export const ledgerPath = (query: URLSearchParams): Path<LedgerView> => `/api/ledger?${query.toString()}`;
export const VERIFICATION: Path<VerificationView> = '/api/ledger/verification';
