/**
 * A site's contribution to a round: local training from the global model, and what it changed. The site's part of
 * federated averaging (McMahan et al. 2017, Algorithm 1, ClientUpdate).
 */
import { ConsiliumError } from '../../shared/errors.ts';
import type { SiteId } from '../../shared/ids.ts';
import type { CompiledModel } from '../../shared/learning/engines/engine.ts';
import type { LabelledImages } from '../../shared/learning/training/labelled-images.ts';
import { stepsPerEpochOf } from '../../shared/learning/training/batches.ts';
import { trainLocally } from '../../shared/learning/training/trainer.ts';
import type { Manifest } from '../../shared/learning/weights.ts';
import type { RoundContext } from '../../shared/protocol/messages.ts';
import type { Plan } from '../../shared/protocol/plan.ts';
import type { UpdatePayload } from '../../shared/protocol/update-payload.ts';

/** Training was stopped before its end: there is no update. */
export class TrainingAborted extends ConsiliumError {
  readonly code = 'TRAINING_ABORTED';
}

/** The part of a plan that local training depends on. */
export type TrainingPlan = Pick<Plan, 'training' | 'seed' | 'federation' | 'task'>;

export interface TrainingRequest {
  readonly plan: TrainingPlan;
  readonly context: Pick<RoundContext, 'round'>;
  readonly siteId: SiteId;
  /** The global model; stays as it is. */
  readonly weights: Float32Array;
  /** Looked at between steps. */
  readonly signal: AbortSignal;
}

/** Where and how a site trains: in this process, a worker, a child process. It must settle soon after the signal. */
export interface LocalTrainer {
  /** @throws TrainingAborted when the signal came; TrainingError when training diverges. */
  train(request: TrainingRequest): Promise<UpdatePayload>;
}

export interface LocalUpdateInput extends TrainingRequest {
  readonly compiled: CompiledModel;
  readonly manifest: Manifest;
  readonly data: LabelledImages;
}

/**
 * The same input gives the same update: every random number comes from the seed of (run, round, site). The learning
 * rate's schedule spans the whole run, of which this round is a part.
 * @throws TrainingAborted when the signal came before the end
 */
export async function computeUpdate(input: LocalUpdateInput): Promise<UpdatePayload> {
  const { plan, context, siteId, weights, data, compiled, manifest, signal } = input;
  const recipe = plan.training;
  const stepsPerRound = recipe.epochs * stepsPerEpochOf(data.count, recipe.batchSize);
  const result = await trainLocally({
    compiled,
    manifest,
    weights,
    data,
    classCount: plan.task.classNames.length,
    recipe,
    seed: { run: plan.seed, round: context.round, site: siteId },
    schedulePosition: {
      firstStep: (context.round - 1) * stepsPerRound,
      totalSteps: plan.federation.rounds * stepsPerRound,
    },
    signal,
  });
  if (result.stopped === 'aborted') throw new TrainingAborted('local training was stopped before its end');
  const delta = result.weights.map((value, i) => value - (weights[i] ?? 0));
  return { exampleCount: data.count, meanLoss: result.epochs.at(-1)?.loss ?? 0, delta };
}
