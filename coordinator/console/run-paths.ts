/** What the pages of plans, runs and models ask the coordinator, with the types of the answers. */
import type { Path } from '../../shared/ui/query.ts';
import type { EvaluationView } from '../http/api/metric-views.ts';
import type { CurrentModel, ModelComparison, ModelDetail, ModelVersion } from '../http/api/model-views.ts';
import type { CheckedPlan, PlanDetail, PlanDifference, PlanListItem } from '../http/api/plan-views.ts';
import type { Progress, Timeline } from '../http/api/round-views.ts';
import type {
  AttemptItem,
  PartitionView,
  PrivacyView,
  RoundPoint,
  RunEvent,
  RunListItem,
  RunSite,
  RunView,
} from '../http/api/run-views.ts';

const ROOT = '/api/v1';
const one = (path: string, id: string): string => `${path}/${encodeURIComponent(id)}`;

export const PLANS: Path<{ readonly plans: readonly PlanListItem[] }> = `${ROOT}/plans`;
export const NEW_PLAN: Path<CheckedPlan> = `${ROOT}/plans`;
export const PLAN_CHECK: Path<CheckedPlan> = `${ROOT}/plans/check`;
export const planPath = (planHash: string): Path<PlanDetail> => one(PLANS, planHash);
export const planDifferencePath = (planHash: string, other: string): Path<PlanDifference> =>
  one(`${planPath(planHash)}/difference`, other);

export const RUNS: Path<{ readonly runs: readonly RunListItem[] }> = `${ROOT}/runs`;
export const NEW_RUN: Path<RunView> = `${ROOT}/runs`;
export const runPath = (runId: string): Path<{ readonly run: RunView }> => one(RUNS, runId);
export const wishPath = (runId: string): Path<RunView> => `${runPath(runId)}/wishes`;
export const positionPath = (runId: string): Path<undefined> => `${runPath(runId)}/position`;
export const progressPath = (runId: string): Path<{ readonly progress: Progress | null }> =>
  `${runPath(runId)}/progress`;
export const roundsPath = (runId: string): Path<{ readonly rounds: readonly RoundPoint[] }> =>
  `${runPath(runId)}/rounds`;
export const evaluationPath = (runId: string, which: string): Path<EvaluationView> =>
  one(`${runPath(runId)}/evaluations`, which);
export const runSitesPath = (runId: string): Path<{ readonly sites: readonly RunSite[] }> =>
  `${runPath(runId)}/sites`;
export const attemptsPath = (runId: string): Path<{ readonly attempts: readonly AttemptItem[] }> =>
  `${runPath(runId)}/attempts`;
export const timelinePath = (runId: string, round: number, attempt: number): Path<Timeline> =>
  `${runPath(runId)}/timelines/${String(round)}/${String(attempt)}`;
export const privacyPath = (runId: string): Path<PrivacyView> => `${runPath(runId)}/privacy`;
export const partitionPath = (runId: string): Path<PartitionView> => `${runPath(runId)}/partition`;

interface EventPage {
  readonly events: readonly RunEvent[];
  readonly next: number | null;
  readonly total: number;
}
export const eventsPath = (runId: string, before?: number): Path<EventPage> =>
  `${runPath(runId)}/events?limit=200${before === undefined ? '' : `&before=${String(before)}`}`;

interface ModelPage {
  readonly models: readonly ModelVersion[];
  readonly next: number | null;
  readonly total: number;
}
export const modelsPath = (offset: number): Path<ModelPage> =>
  `${ROOT}/models?limit=200&offset=${String(offset)}`;
export const CURRENT_MODEL: Path<CurrentModel> = `${ROOT}/models/current`;
export const ROLL_BACK: Path<CurrentModel> = `${ROOT}/models/rollback`;
export const comparisonPath = (a: string, b: string): Path<ModelComparison> =>
  `${ROOT}/models/comparison?${new URLSearchParams({ a, b }).toString()}`;
export const modelPath = (runId: string, round: number): Path<ModelDetail> =>
  `${runPath(runId)}/models/${String(round)}`;
/** A file that the browser saves. */
export const modelFilePath = (runId: string, round: number, file: 'card' | 'onnx' | 'layers-model'): string =>
  `${modelPath(runId, round)}/${file}`;
