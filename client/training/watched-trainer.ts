/** A trainer that tells the site's own people what it does. What is told stays at the site. */
import type { Clock } from '../../shared/clock.ts';
import { hashPlan, planSchema } from '../../shared/protocol/plan.ts';
import type { LocalValidation } from '../../shared/protocol/update-payload.ts';
import type { LocalTrainer, StepFigures, TrainingPlan, TrainingRequest } from './local-update.ts';

/** Of which round. */
export interface TrainingPlace {
  readonly runId: string;
  readonly round: number;
}

export interface TrainedRound extends TrainingPlace {
  readonly planHash: string;
  readonly planName: string;
  readonly steps: number;
  readonly seconds: number;
  readonly exampleCount: number;
  /** Over the training images. */
  readonly meanLoss: number;
  /** Of the global model that the round starts from, on the site's own validation images. */
  readonly validation?: LocalValidation | undefined;
  /** On what; undefined where the trainer does not say. */
  readonly device: string | undefined;
}

export interface StepLoss {
  readonly step: number;
  /** Of the batch of this step, in nats. */
  readonly loss: number;
}

export type TrainingReport =
  | {
      readonly kind: 'begun';
      readonly place: TrainingPlace;
      readonly planName: string;
      /** With the global model that the round starts from. */
      readonly request: TrainingRequest;
    }
  | {
      readonly kind: 'steps';
      readonly place: TrainingPlace;
      /** Done so far. */
      readonly steps: number;
      readonly figures: StepFigures;
      /** Of the steps since the last report. */
      readonly losses: readonly StepLoss[];
      readonly seconds: number;
    }
  | { readonly kind: 'trained'; readonly trained: TrainedRound }
  /** Stopped or failed. */
  | { readonly kind: 'ended'; readonly place: TrainingPlace };

/** People see no more. */
const REPORT_INTERVAL_MS = 250;

export function watchedTrainer(
  trainer: LocalTrainer,
  tell: (report: TrainingReport) => void,
  clock: Pick<Clock, 'elapsedMs'>,
): LocalTrainer {
  const count = trainer.count?.bind(trainer);
  return { train: (request) => watched(request, trainer, tell, clock), ...(count && { count }) };
}

async function watched(
  request: TrainingRequest,
  trainer: LocalTrainer,
  tell: (report: TrainingReport) => void,
  clock: Pick<Clock, 'elapsedMs'>,
): ReturnType<LocalTrainer['train']> {
  const { plan, context } = request;
  const place: TrainingPlace = { runId: context.runId ?? '', round: context.round };
  const begunMs = clock.elapsedMs();
  const seconds = (): number => (clock.elapsedMs() - begunMs) / 1000;
  const planName = plan.task.name;
  let last = { steps: 0, device: undefined as string | undefined };
  let nextMs = -Infinity;
  let losses: StepLoss[] = [];
  tell({ kind: 'begun', place, planName, request });
  try {
    const result = await trainer.train({
      ...request,
      onSteps: (steps, figures) => {
        request.onSteps?.(steps, figures);
        last = { steps, device: figures?.device };
        if (!figures) return;
        losses.push({ step: steps, loss: figures.loss });
        const nowMs = clock.elapsedMs();
        if (nowMs < nextMs && steps < figures.totalSteps) return;
        nextMs = nowMs + REPORT_INTERVAL_MS;
        tell({ kind: 'steps', place, steps, figures, losses, seconds: seconds() });
        losses = [];
      },
    });
    const { exampleCount, meanLoss, validation } = result;
    const figures = { ...last, seconds: seconds(), exampleCount, meanLoss, validation };
    tell({ kind: 'trained', trained: { ...place, planHash: hashOf(plan), planName, ...figures } });
    return result;
  } catch (error) {
    tell({ kind: 'ended', place });
    throw error;
  }
}

const hashOf = (plan: TrainingPlan): string => hashPlan(planSchema.parse(plan));
