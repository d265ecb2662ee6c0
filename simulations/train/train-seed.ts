/** One training from initial weights to the evaluation on the test images; runs in any thread. */
import type { Clock } from '../../shared/clock.ts';
import { buildModel } from '../../shared/learning/architectures/architecture.ts';
import type { CompiledModel, Engine } from '../../shared/learning/engines/engine.ts';
import { evaluateClassifier } from '../../shared/learning/metrics/evaluate.ts';
import type { Evaluation } from '../../shared/learning/metrics/evaluation.ts';
import { softmax } from '../../shared/learning/metrics/probabilities.ts';
import { fitTemperature } from '../../shared/learning/metrics/temperature.ts';
import { classCountsOf } from '../../shared/learning/training/class-weights.ts';
import { fit, type FitEpoch, type FitInput } from '../../shared/learning/training/fit.ts';
import { foldPriorAdjustment } from '../../shared/learning/training/prior-adjustment.ts';
import { compileOptionsOf } from '../../shared/learning/training/recipe.ts';
import { initialWeights, manifestOf, type Manifest } from '../../shared/learning/weights.ts';
import type { EpochResult } from '../report/result-types.ts';
import { modelForms, type ModelForms } from './initial-model.ts';
import { predictLogits } from './predict.ts';
import type { SeedOutcome, SeedProgress, SeedTask } from './seed-task.ts';
import { validationRecord, type ValidationRecord } from './selection.ts';

export interface SeedHooks {
  readonly clock: Clock;
  readonly onProgress?: (progress: SeedProgress) => void;
  /** Looked at between steps; what has been learnt until then is evaluated and returned. */
  readonly signal?: AbortSignal;
}

/** Steps are told at most this often: a display needs no more, and messages between threads are not free. */
const PROGRESS_INTERVAL_MS = 100;

/**
 * Same task, same engine, same machine type: bit-identical weights.
 * @returns undefined when the signal came before the first epoch was judged.
 * @throws TrainingError when training diverges; DataError when the images cannot be used.
 */
export async function trainSeed(
  engine: Engine,
  task: SeedTask,
  hooks: SeedHooks,
): Promise<SeedOutcome | undefined> {
  const { start: model, thawed } = formsOf(task);
  const options = compileOptionsOf(task.recipe);
  const compiled = await engine.compile(model, options);
  const later = thawed && { ...thawed, compiled: await engine.compile(thawed.model, options) };
  try {
    const weights = initialWeights(model, task.seed);
    const thaw = later && {
      thaw: { compiled: later.compiled, manifest: manifestOf(later.model), fromEpoch: later.fromEpoch },
    };
    return await trainCompiled({ compiled, manifest: manifestOf(model), weights, ...thaw }, task, hooks);
  } finally {
    await compiled.dispose();
    await later?.compiled.dispose();
  }
}

function formsOf({ initial, architecture, train, classNames }: SeedTask): ModelForms {
  if (initial) return modelForms(initial.model, initial.transfer);
  return { start: buildModel(architecture, train.imageDims, classNames.length) };
}

interface Start extends Pick<FitInput, 'thaw'> {
  readonly compiled: CompiledModel;
  readonly manifest: Manifest;
  readonly weights: Float32Array;
}

async function trainCompiled(
  start: Start,
  task: SeedTask,
  hooks: SeedHooks,
): Promise<SeedOutcome | undefined> {
  const { seed, recipe, selection, classNames, train, validation } = task;
  const { compiled, manifest } = start;
  const { clock, onProgress, signal } = hooks;
  const classCount = classNames.length;
  const startedMs = clock.elapsedMs();
  const prior = { counts: classCountsOf(train.labels, classCount), tau: recipe.logitAdjustmentTau };
  const records: ValidationRecord[] = [];
  const epochs: EpochResult[] = [];

  const fitted = await fit({
    ...start,
    data: train,
    classCount,
    recipe,
    seed: { run: seed, round: 0, site: 'central' },
    evaluate: async (weights) => {
      const judged = foldPriorAdjustment(weights, manifest, prior);
      const probabilities = softmax(
        await predictLogits(compiled, judged, validation, classCount),
        classCount,
      );
      const evaluation = evaluateClassifier({ probabilities, labels: validation.labels, classNames });
      const record = validationRecord(evaluation, selection);
      records.push(record);
      return record;
    },
    onEpoch: (record) => {
      const result = epochResult(record, records.at(-1));
      epochs.push(result);
      onProgress?.({ kind: 'epoch', seed, result });
    },
    onProgress: stepReporter(seed, hooks),
    ...(signal && { signal }),
  });
  const { bestEpoch, stopped } = fitted;
  if (bestEpoch === undefined) return undefined;
  const weights = foldPriorAdjustment(fitted.weights, manifest, prior);
  const { test, testProbabilities } = await evaluateTest(compiled, weights, task);
  const validationLogits = await predictLogits(compiled, weights, validation, classCount);
  const calibration = fitTemperature(validationLogits, validation.labels, classCount);
  const validationScore = records[bestEpoch - 1]?.score;
  const durationMs = clock.elapsedMs() - startedMs;
  return {
    ...{ seed, epochs, bestEpoch, stopped, weights, validationScore, calibration },
    ...{ test, testProbabilities, durationMs },
  };
}

function epochResult(
  { epoch, loss, learningRate }: FitEpoch,
  validation: ValidationRecord | undefined,
): EpochResult {
  return { epoch, loss, learningRate, ...(validation && { validation: validation.metrics }) };
}

type StepProgress = Omit<Extract<SeedProgress, { kind: 'step' }>, 'kind' | 'seed'>;

function stepReporter(seed: number, { clock, onProgress }: SeedHooks): (progress: StepProgress) => void {
  let lastMs = -Infinity;
  return (progress) => {
    const nowMs = clock.elapsedMs();
    if (nowMs - lastMs < PROGRESS_INTERVAL_MS && progress.step < progress.totalSteps) return;
    lastMs = nowMs;
    onProgress?.({ kind: 'step', seed, ...progress });
  };
}

async function evaluateTest(
  compiled: CompiledModel,
  weights: Float32Array,
  task: SeedTask,
): Promise<{ test: Evaluation; testProbabilities: Float64Array }> {
  const { test: data, classNames, bootstrapReplicates } = task;
  const logits = await predictLogits(compiled, weights, data, classNames.length);
  const testProbabilities = softmax(logits, classNames.length);
  const test = evaluateClassifier({
    probabilities: testProbabilities,
    labels: data.labels,
    classNames,
    patients: task.testPatients,
    ...(bootstrapReplicates > 0 && {
      // The same seed for every training: their intervals differ by the model alone.
      bootstrap: { replicates: bootstrapReplicates, seed: 0 },
    }),
  });
  return { test, testProbabilities };
}
