/** Carries out one task, wherever it runs: in a worker thread or, for tests, in this one. */
import { setImmediate } from 'node:timers/promises';
import { computeUpdate, TrainingAborted } from '../../client/training/local-update.ts';
import { personalise } from '../../client/training/personalise.ts';
import { messageOf } from '../../shared/errors.ts';
import type { CompiledModel } from '../../shared/learning/engines/engine.ts';
import { fit } from '../../shared/learning/training/fit.ts';
import { classCountsOf } from '../../shared/learning/training/class-weights.ts';
import { imageLengthOf, type LabelledImages } from '../../shared/learning/training/labelled-images.ts';
import { foldPriorAdjustment } from '../../shared/learning/training/prior-adjustment.ts';
import type { Manifest } from '../../shared/learning/weights.ts';
import { judge } from '../../coordinator/evaluation/judge.ts';
import type {
  EngineDescription,
  FitTask,
  ModelSpec,
  PersonaliseTask,
  PredictTask,
  StopFlag,
  Task,
  TaskResult,
  UpdateTask,
} from './tasks.ts';

export interface OpenModel {
  readonly compiled: CompiledModel;
  readonly manifest: Manifest;
  /** The weights that training with this seed begins with. */
  readonly initialWeights: (seed: number) => Float32Array;
  readonly engine: EngineDescription;
}

/** Keeps compiled models; the same specification gives the same one. */
export interface ModelSource {
  open(spec: ModelSpec): Promise<OpenModel>;
  /** Only when no task runs. */
  dispose(): Promise<void>;
}

/** Images that go through the engine at once: a few megabytes, and short enough to stop in between. */
const PREDICT_CHUNK = 256;

/** Never rejects: what goes wrong is a result, because an error loses its class on the way between threads. */
export async function executeTask(source: ModelSource, task: Task, stop: StopFlag): Promise<TaskResult> {
  if (Atomics.load(stop, 0) !== 0) return { kind: 'stopped' };
  const signal = signalOf(stop);
  try {
    const model = await source.open(task.model);
    switch (task.kind) {
      case 'update':
        return await update(model, task, signal);
      case 'fit':
        return await fitModel(source, model, task, signal);
      case 'personalise':
        return await fineTune(model, task, signal);
      case 'predict':
        return await predict(model, task, signal);
      case 'describe':
        return { kind: 'describe', engine: model.engine };
    }
  } catch (error) {
    if (error instanceof TrainingAborted) return { kind: 'stopped' };
    return { kind: 'failed', message: messageOf(error) };
  }
}

/** An AbortSignal cannot cross threads; this one reads the flag whenever somebody looks at it. */
function signalOf(stop: StopFlag): AbortSignal {
  const { signal } = new AbortController();
  return new Proxy(signal, {
    get: (target, key): unknown =>
      key === 'aborted' ? Atomics.load(stop, 0) !== 0 : Reflect.get(target, key, target),
  });
}

async function update(model: OpenModel, task: UpdateTask, signal: AbortSignal): Promise<TaskResult> {
  const { plan, round, siteId, serverControl, classCounts, state, data, validation } = task;
  // Training copies the weights before it begins; prediction hands them to the engine, which takes none in shared memory.
  const weights = validation ? task.weights.slice() : task.weights;
  const input = {
    ...{ ...model, plan, context: { round }, siteId, data, signal },
    ...{ weights, serverControl, classCounts, state, validation },
    initialWeights: () => model.initialWeights(plan.seed),
  };
  return { kind: 'update', update: await computeUpdate(input) };
}

async function fineTune(model: OpenModel, task: PersonaliseTask, signal: AbortSignal): Promise<TaskResult> {
  const { weights, state, data, fineTuning, seed } = task;
  const { recipe, classCount } = task.model;
  const input = { ...model, weights, state, data, fineTuning, seed, recipe, classCount, signal };
  return { kind: 'personalise', weights: inUse(model, task, await personalise(input)) };
}

async function fitModel(
  source: ModelSource,
  model: OpenModel,
  task: FitTask,
  signal: AbortSignal,
): Promise<TaskResult> {
  const { validation, classNames, weights, data, seed, thaw } = task;
  const later = thaw && { ...(await source.open(thaw.model)), fromEpoch: thaw.fromEpoch };
  const result = await fit({
    ...model,
    weights,
    data,
    seed,
    classCount: classNames.length,
    recipe: task.model.recipe,
    signal,
    ...(later && { thaw: later }),
    evaluate: async (candidate) => {
      const logits = await logitsOf(model.compiled, inUse(model, task, candidate), validation, signal);
      return judge(logits, validation.labels, classNames);
    },
  });
  if (result.stopped === 'aborted') return { kind: 'stopped' };
  return { kind: 'fit', fit: { ...result, weights: inUse(model, task, result.weights) } };
}

/** As the recipe adjusts a model for the class priors of the images that it was trained on last. */
function inUse(
  { manifest }: OpenModel,
  { model, data }: Pick<FitTask, 'model' | 'data'>,
  weights: Float32Array,
): Float32Array {
  const tau = model.recipe.logitAdjustmentTau;
  return foldPriorAdjustment(weights, manifest, {
    counts: classCountsOf(data.labels, model.classCount),
    tau,
  });
}

async function predict(model: OpenModel, task: PredictTask, signal: AbortSignal): Promise<TaskResult> {
  return { kind: 'predict', logits: await logitsOf(model.compiled, task.weights, task.data, signal) };
}

/** @throws TrainingAborted when the signal comes between two chunks */
async function logitsOf(
  compiled: CompiledModel,
  weights: Float32Array,
  data: LabelledImages,
  signal: AbortSignal,
): Promise<Float32Array> {
  const length = imageLengthOf(data);
  const chunks: Float32Array[] = [];
  for (let start = 0; start < data.count; start += PREDICT_CHUNK) {
    if (signal.aborted) throw new TrainingAborted('evaluation was stopped before its end');
    const end = Math.min(start + PREDICT_CHUNK, data.count);
    // A copy: native engines do not take views of shared memory.
    const images = data.images.slice(start * length, end * length);
    chunks.push(Float32Array.from(await compiled.predict(weights, images)));
    await setImmediate();
  }
  return concatFloats(chunks);
}

function concatFloats(chunks: readonly Float32Array[]): Float32Array {
  const out = new Float32Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let offset = 0;
  for (const chunk of chunks) {
    out.set(chunk, offset);
    offset += chunk.length;
  }
  return out;
}
