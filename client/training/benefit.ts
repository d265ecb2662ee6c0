/**
 * "Should our site take part?": three models on the images that the site holds back and nobody trains on: one trained
 * here alone, the federation's, and the federation's after fine-tuning here. The one trained alone makes as many steps
 * as this site has made in the federation so far, from the same initial weights, with the same recipe.
 */
import { setImmediate } from 'node:timers/promises';
import { InvariantError } from '../../shared/errors.ts';
import type { CompiledModel } from '../../shared/learning/engines/engine.ts';
import { evaluateClassifier } from '../../shared/learning/metrics/evaluate.ts';
import type { Estimate } from '../../shared/learning/metrics/evaluation.ts';
import { softmax } from '../../shared/learning/metrics/probabilities.ts';
import { stepsPerEpochOf } from '../../shared/learning/training/batches.ts';
import { classCountsOf } from '../../shared/learning/training/class-weights.ts';
import { imageLengthOf, type LabelledImages } from '../../shared/learning/training/labelled-images.ts';
import { foldFederatedPrior, foldPriorAdjustment } from '../../shared/learning/training/prior-adjustment.ts';
import { trainLocally } from '../../shared/learning/training/trainer.ts';
import type { Manifest } from '../../shared/learning/weights.ts';
import { personalWeights } from './local-method.ts';
import { TrainingAborted, type TrainingRequest } from './local-update.ts';
import { fineTuningSchema, personalise } from './personalise.ts';
import { wholeModel } from './whole-model.ts';

/** What the site was asked to train in the round whose global model is judged. */
export type BenefitRequest = Omit<TrainingRequest, 'signal' | 'onSteps'>;

export interface BenefitInput extends BenefitRequest {
  readonly compiled: CompiledModel;
  readonly manifest: Manifest;
  readonly initialWeights: () => Float32Array;
  readonly data: LabelledImages;
  readonly validation: LabelledImages | undefined;
  /** [validation images]; those of one patient share one value. */
  readonly validationPatients: readonly string[] | undefined;
  readonly signal: AbortSignal;
}

/** With its 95 % interval. */
export interface Measured {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

export interface BenefitRow {
  readonly model: 'local' | 'federated' | 'finetuned';
  readonly accuracy: Measured;
  /** Null where it is undefined: a class is missing. */
  readonly auc: Measured | null;
}

export interface Benefit {
  readonly images: number;
  readonly patients: number;
  readonly rows: readonly BenefitRow[];
}

/** Images that go through the engine at once. */
const PIECE = 256;
/** Enough for two digits of an interval's ends. */
const REPLICATES = 500;

/** @throws TrainingAborted when the signal came before the end; InvariantError without images that are held back */
export async function compareModels(input: BenefitInput): Promise<Benefit> {
  const { plan, manifest, data, validation, validationPatients, classCounts, state } = input;
  if (!validation) throw new InvariantError('there are no images that are held back');
  const { vectors } = wholeModel(input);
  const classCount = plan.task.classNames.length;
  const tau = plan.training.logitAdjustmentTau;
  const own = (weights: Float32Array): Float32Array =>
    foldPriorAdjustment(weights, manifest, { counts: classCountsOf(data.labels, classCount), tau });
  const federated = foldFederatedPrior(personalWeights(vectors.weights, state, manifest), manifest, {
    ...{ counts: classCounts, tau },
  });
  const rows = [
    await judged(input, validation, 'local', own(await trainedAlone(input))),
    await judged(input, validation, 'federated', federated),
    await judged(input, validation, 'finetuned', own(await fineTuned(input, vectors.weights))),
  ];
  const patients = new Set(validationPatients).size || validation.count;
  return { images: validation.count, patients, rows };
}

async function trainedAlone(input: BenefitInput): Promise<Float32Array> {
  const { plan, data, context, siteId, signal, compiled, manifest } = input;
  const { localSteps } = plan.federation;
  const perRound = localSteps ?? plan.training.epochs * stepsPerEpochOf(data.count, plan.training.batchSize);
  const result = await trainLocally({
    ...{ compiled, manifest, data, signal, recipe: plan.training },
    weights: input.initialWeights(),
    classCount: plan.task.classNames.length,
    seed: { run: `alone-${String(plan.seed)}`, round: 0, site: siteId },
    duration: { steps: Math.max(1, (context.round - 1) * perRound) },
  });
  if (result.stopped === 'aborted') throw new TrainingAborted('the comparison was stopped before its end');
  return result.weights;
}

function fineTuned(input: BenefitInput, weights: Float32Array): Promise<Float32Array> {
  const { plan, data, siteId, signal, compiled, manifest, state } = input;
  return personalise({
    ...{ compiled, manifest, weights, state, data, signal },
    classCount: plan.task.classNames.length,
    recipe: plan.training,
    fineTuning: fineTuningSchema.parse({}),
    seed: { run: plan.seed, site: siteId },
  });
}

async function judged(
  input: BenefitInput,
  validation: LabelledImages,
  model: BenefitRow['model'],
  weights: Float32Array,
): Promise<BenefitRow> {
  const { plan, validationPatients: patients } = input;
  const { classNames } = plan.task;
  const logits = await logitsOf(input, validation, weights);
  const { metrics } = evaluateClassifier({
    probabilities: softmax(logits, classNames.length),
    labels: validation.labels,
    classNames,
    ...(patients && { patients }),
    bootstrap: { replicates: REPLICATES, seed: plan.seed },
  });
  const accuracy = measured(metrics.accuracy);
  if (!accuracy) throw new InvariantError('the accuracy of no image is not defined');
  return { model, accuracy, auc: measured(metrics.auc) };
}

function measured({ value, interval }: Estimate): Measured | null {
  if (value === undefined) return null;
  return { value, low: interval?.low ?? value, high: interval?.high ?? value };
}

async function logitsOf(
  { compiled, signal }: BenefitInput,
  images: LabelledImages,
  weights: Float32Array,
): Promise<Float32Array> {
  const length = imageLengthOf(images);
  const parts: Float32Array[] = [];
  for (let start = 0; start < images.count; start += PIECE) {
    if (signal.aborted) throw new TrainingAborted('the comparison was stopped before its end');
    const end = Math.min(start + PIECE, images.count);
    // Copies: native engines take no views of shared memory, and reuse what they answer with.
    parts.push((await compiled.predict(weights, images.images.slice(start * length, end * length))).slice());
    await setImmediate();
  }
  const logits = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    logits.set(part, at);
    at += part.length;
  }
  return logits;
}
