/**
 * A site's contribution to a round: local training from the global model, and what it changed. The site's part of
 * federated averaging (McMahan et al. 2017, Algorithm 1, ClientUpdate); what other strategies change is in
 * `local-method.ts`.
 */
import { ConsiliumError } from '../../shared/errors.ts';
import type { SiteId } from '../../shared/ids.ts';
import type { CompiledModel } from '../../shared/learning/engines/engine.ts';
import type { LabelledImages } from '../../shared/learning/training/labelled-images.ts';
import { stepsPerEpochOf } from '../../shared/learning/training/batches.ts';
import { foldFederatedPrior } from '../../shared/learning/training/prior-adjustment.ts';
import type { Recipe } from '../../shared/learning/training/recipe.ts';
import { learningRateAt, type Horizon } from '../../shared/learning/training/schedules.ts';
import { trainLocally } from '../../shared/learning/training/trainer.ts';
import type { EpochRecord } from '../../shared/learning/training/training-loop.ts';
import type { Manifest } from '../../shared/learning/weights.ts';
import type { RoundContext } from '../../shared/protocol/messages.ts';
import type { Plan } from '../../shared/protocol/plan.ts';
import type { UpdatePayload } from '../../shared/protocol/update-payload.ts';
import { validateLocally } from './local-validation.ts';
import { localMethod } from './local-method.ts';
import type { SiteState } from './site-state.ts';
import { wholeModel } from './whole-model.ts';

/** Training was stopped before its end: there is no update. */
export class TrainingAborted extends ConsiliumError {
  readonly code = 'TRAINING_ABORTED';
}

/** The part of a plan that local training depends on. */
export type TrainingPlan = Pick<Plan, 'training' | 'seed' | 'federation' | 'task' | 'initialModel'> &
  Partial<Pick<Plan, 'evaluation'>>;

export interface TrainingRequest {
  readonly plan: TrainingPlan;
  readonly context: Pick<RoundContext, 'round'> & Partial<Pick<RoundContext, 'runId'>>;
  readonly siteId: SiteId;
  /** Of the global model what takes part in the round; stays as it is. */
  readonly weights: Float32Array;
  /** SCAFFOLD: the server's control variate. */
  readonly serverControl?: Float32Array | undefined;
  /** Training images of each class in the whole federation, where the plan needs them. */
  readonly classCounts?: readonly number[] | undefined;
  /** What the site kept of its last round in this run. */
  readonly state?: SiteState | undefined;
  /** Looked at between steps. */
  readonly signal: AbortSignal;
  /** Told after every step how many are done: a site that advances keeps its place in the round. */
  readonly onSteps?: ((steps: number, figures?: StepFigures) => void) | undefined;
}

/** For the site's own people. */
export interface StepFigures {
  /** Of this round. */
  readonly totalSteps: number;
  /** Of the last step's batch. */
  readonly loss: number;
  /** What it runs on, where the trainer knows. */
  readonly device?: string;
}

/** What local training gives: the update, which is sent, and what the site keeps for its next round, which is not. */
export interface LocalResult extends UpdatePayload {
  readonly kept?: SiteState;
}

/** Where and how a site trains: in this process, a worker, a child process. It must settle soon after the signal. */
export interface LocalTrainer {
  /** @throws TrainingAborted when the signal came; TrainingError when training diverges. */
  train(request: TrainingRequest): Promise<LocalResult>;
  /** Counts the images of each class that the plan trains on. Absent: the site takes no part in plans that need that. */
  count?(request: CountRequest): Promise<readonly number[]>;
}

export interface CountRequest {
  readonly plan: Plan;
  readonly signal: AbortSignal;
}

export interface LocalUpdateInput extends TrainingRequest {
  readonly compiled: CompiledModel;
  readonly manifest: Manifest;
  /** See `WholeModelInput`. */
  readonly initialWeights?: (() => Float32Array) | undefined;
  readonly data: LabelledImages;
  /** The site's own images that it does not train on. */
  readonly validation?: LabelledImages | undefined;
}

/**
 * The same input gives the same update: every random number comes from the seed of (run, round, site). The learning
 * rate's schedule spans the whole run, of which this round is a part.
 * @throws TrainingAborted when the signal came before the end
 */
export async function computeUpdate(input: LocalUpdateInput): Promise<LocalResult> {
  const { plan, context, siteId, data, compiled, manifest, signal } = input;
  const recipe = plan.training;
  const { vectors, sent } = wholeModel(input);
  const method = localMethod({ ...input, ...vectors, strategy: plan.federation.strategy });
  const classCount = plan.task.classNames.length;
  const prior = { counts: input.classCounts, tau: recipe.logitAdjustmentTau };
  const validation =
    input.validation &&
    (await validateLocally({
      ...{
        compiled,
        weights: foldFederatedPrior(method.startWeights, manifest, prior),
        data: input.validation,
      },
      ...{ classCount, signal },
    }));
  const stepsPerEpoch = stepsPerEpochOf(data.count, recipe.batchSize);
  const { localSteps, rounds } = plan.federation;
  const stepsPerRound = localSteps ?? recipe.epochs * stepsPerEpoch;
  const schedulePosition = {
    firstStep: (context.round - 1) * stepsPerRound,
    totalSteps: rounds * stepsPerRound,
  };
  const result = await trainLocally({
    compiled,
    manifest,
    weights: method.startWeights,
    hooks: method.hooks,
    data,
    classCount,
    recipe,
    federationCounts: input.classCounts,
    seed: { run: plan.seed, round: context.round, site: siteId },
    schedulePosition,
    duration: { steps: stepsPerRound },
    continueFromStep: localSteps === undefined ? undefined : schedulePosition.firstStep,
    signal,
    onProgress: ({ step, loss }) => input.onSteps?.(step, { totalSteps: stepsPerRound, loss }),
  });
  if (result.stopped === 'aborted') throw new TrainingAborted('local training was stopped before its end');
  const rateSum = sumOfRates(recipe, { ...schedulePosition, stepsPerEpoch }, result.steps);
  return {
    exampleCount: data.count,
    meanLoss: localSteps === undefined ? (result.epochs.at(-1)?.loss ?? 0) : meanLossOf(result.epochs),
    ...(validation && { validation }),
    ...sent(method.contribution(result.weights, rateSum)),
  };
}

/** Over all examples: a round of steps may hold parts of several epochs. */
function meanLossOf(epochs: readonly EpochRecord[]): number {
  const examples = epochs.reduce((sum, epoch) => sum + epoch.examples, 0);
  return epochs.reduce((sum, epoch) => sum + epoch.loss * epoch.examples, 0) / examples;
}

/** Of the learning rates of `steps` steps; none of a federated recipe's schedules looks at a validation loss. */
function sumOfRates(recipe: Recipe, at: Horizon & { readonly firstStep: number }, steps: number): number {
  let sum = 0;
  for (let step = 0; step < steps; step++) sum += learningRateAt(recipe, at.firstStep + step, at);
  return sum;
}
