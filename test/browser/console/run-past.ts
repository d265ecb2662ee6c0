/** A run that is over, with everything that a coordinator keeps of it: rounds, models, figures, times, a dropped site. */
import { COMMAND_LINE } from '../../../coordinator/storage/administration.ts';
import type { StoredEvaluation } from '../../../coordinator/storage/stored-evaluation.ts';
import type { Stores } from '../../../coordinator/storage/stores.ts';
import { readPlanText } from '../../../coordinator/plan-text.ts';
import { runIdSchema, siteIdSchema, type PlanHash } from '../../../shared/ids.ts';
import { encodeModel } from '../../../shared/protocol/model-payload.ts';
import { hashPlan } from '../../../shared/protocol/plan.ts';

export const RUN = runIdSchema.parse('chest');
const [NORTH, SOUTH] = [siteIdSchema.parse('north'), siteIdSchema.parse('south')];
const START_MS = Date.UTC(2026, 0, 1, 12);

export const PLAN_TEXT = `task: { name: two blobs, classNames: [left, right], imageDims: [1, 8, 8] }
preprocessing: { size: { height: 8, width: 8 } }
architecture: { name: cnn, options: { filters: [2], dense: 4 } }
training: { epochs: 1 }
federation: { strategy: fedavg, rounds: 3, minimumCohort: 3, minimumSurvivors: 3 }
protection: { mode: secure-aggregation, smallCohortAcknowledged: true }
evaluation: {}
seed: 5
`;

const evaluation = (auc: number): StoredEvaluation => ({
  ...{ exampleCount: 40, patientCount: 20, classNames: ['left', 'right'] },
  confusion: [
    [17, 3],
    [5, 15],
  ],
  metrics: {
    accuracy: { value: 0.8, interval: { low: 0.7, high: 0.9 } },
    auc: { value: auc, interval: { low: auc - 0.1, high: auc + 0.1 } },
    logLoss: { value: 1 - auc, interval: null },
  },
  classes: ['left', 'right'].map((name) => ({
    ...{ name, support: 20, metrics: { recall: { value: 0.75, interval: null } }, precisionRecall: [] },
    roc: [
      [0, 0],
      [0.25, 0.75],
      [1, 1],
    ],
  })),
  calibration: [{ low: 0, high: 1, count: 40, confidence: 0.7, accuracy: 0.8 }],
});

async function publishRound({ runs, models, history }: Stores, round: number, length: number): Promise<void> {
  const modelHash = await models.put(
    encodeModel(Float32Array.from({ length }, (_, i) => Math.sin(i * round))),
  );
  const score = 0.5 + round / 10;
  const place = { round, attempt: 1, dropped: [{ siteId: SOUTH, reason: 'deadline' as const }] };
  await runs.publish(RUN, { round, modelHash, score });
  await runs.addAttempt(RUN, round - 1, {
    ...{ outcome: 'published', ...place, modelHash, survivors: [NORTH] },
    ...{ loss: 0.5, score, metrics: { auc: score }, meanLoss: 0.6 },
  });
  const startMs = START_MS + 60_000 * round;
  const spans = [{ phase: 'training' as const, startMs, endMs: startMs + 30_000 }];
  const track = { bytesUp: 70_000, bytesDown: 30_000, steps: 4, spans };
  await history.keepAttempt(RUN, {
    ...{ round, attempt: 1, outcome: 'published', startMs, endMs: startMs + 30_000, spans },
    sites: [
      { siteId: NORTH, state: 'survived', reason: null, ...track },
      { siteId: SOUTH, state: 'dropped', reason: 'deadline', ...track },
    ],
  });
  await history.addEvent(RUN, {
    ...{ kind: 'dropped', round, attempt: 1, siteId: SOUTH, phase: 'training', reason: 'deadline' },
  });
  await history.keepEvaluation(RUN, { round, best: round, evaluation: evaluation(score) });
}

/** @returns the hash of the run's plan */
export async function finishRun(stores: Stores): Promise<PlanHash> {
  const { administration, runs, models } = stores;
  const plan = await readPlanText(PLAN_TEXT, models);
  const planHash = await administration.addPlan(COMMAND_LINE, plan, hashPlan(plan));
  await administration.enqueue(COMMAND_LINE, { runId: RUN, planHash });
  await runs.changeStatus(RUN, ['queued'], 'running');
  for (const round of [1, 2]) await publishRound(stores, round, plan.parameterCount);
  await runs.changeStatus(RUN, ['running'], 'finished');
  return planHash;
}
