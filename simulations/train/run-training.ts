/** Central training as a whole: data, recipe, one training for each seed, results. Writes nothing. */
import { InputError } from '../../shared/errors.ts';
import { classCounts } from '../../shared/data/select.ts';
import type { Model } from '../../shared/learning/graph/types.ts';
import { openEngine } from '../../shared/learning/engines/open-engine.ts';
import { weightsDigest } from '../../shared/learning/weights.ts';
import type { SeedResult, TrainResult } from '../report/result-types.ts';
import { subgroupTests } from '../subgroup-tests.ts';
import { describeEnvironment } from './environment.ts';
import { openAndSplit, prepareData, type OpenHooks, type PreparedData } from './prepare.ts';
import { openInitialModel } from './initial-model.ts';
import { presetFor, type Preset } from './presets.ts';
import { runSeeds } from './seed-runner.ts';
import type { SeedOutcome, SeedProgress, SeedTask } from './seed-task.ts';
import type { TrainConfig, TrainRequest } from './train-request.ts';

/** Everything is known before the first step: what will be trained on what. */
export interface TrainStart {
  readonly config: TrainConfig;
  readonly environment: ReturnType<typeof describeEnvironment>;
  readonly data: PreparedData;
  /** Where training starts, instead of from an architecture. */
  readonly initial?: Model;
  readonly notes: readonly string[];
}

export interface TrainHooks extends Omit<OpenHooks, 'signal'> {
  /** Stops every training between two steps; what was learnt until then is evaluated and returned. */
  readonly signal?: AbortSignal;
  readonly onStart?: (start: TrainStart) => void | Promise<void>;
  readonly onProgress?: (progress: SeedProgress) => void;
}

export interface Training {
  readonly start: TrainStart;
  /** Of the seeds that came to at least one judged epoch, in the order of the seeds. */
  readonly outcomes: readonly SeedOutcome[];
  /** The signal came: some seeds have fewer epochs than asked for, or no outcome. */
  readonly stopped: boolean;
}

/**
 * @throws ConsiliumError when the data, the recipe or the engine cannot be used, or training diverges
 */
export async function runTraining(request: TrainRequest, hooks: TrainHooks = {}): Promise<Training> {
  if (request.seeds.length === 0) throw new InputError('no seed is given; give at least one');
  const start = await prepareTraining(request, hooks);
  await hooks.onStart?.(start);
  const { config } = start;
  const outcomes = await runSeeds(
    config.seeds.map((seed) => seedTask(seed, start)),
    {
      workers: config.workers,
      ...(hooks.signal && { signal: hooks.signal }),
      ...(hooks.onProgress && { onProgress: hooks.onProgress }),
    },
  );
  const known = outcomes.filter((outcome) => outcome !== undefined);
  const stopped = known.length < outcomes.length || known.some((outcome) => outcome.stopped === 'aborted');
  return { start, outcomes: known, stopped };
}

async function prepareTraining(request: TrainRequest, hooks: TrainHooks): Promise<TrainStart> {
  const { onDownload, onRead, signal } = hooks;
  const opened = await openAndSplit(request.source, request.split, {
    ...(onDownload && { onDownload }),
    ...(onRead && { onRead }),
    ...(signal && { signal }),
  });
  const preset = presetFor(opened.dataset, classCounts(opened.dataset, opened.split.train), request);
  const data = await prepareData(opened, request.preprocessing ?? preset.preprocessing);
  const engine = await openEngine(request.engine);
  const { imageDims } = data.train;
  const initial =
    request.transfer &&
    (await openInitialModel(request.transfer, { imageDims, classNames: data.summary.classNames }));
  const known = { engine: engine.name, preprocessing: data.preprocessing };
  return {
    config: {
      ...completeConfig(request, preset, known),
      ...(initial && { transfer: initial.config }),
    },
    environment: describeEnvironment(engine),
    data,
    ...(initial && { initial: initial.model }),
    notes: [...opened.notes, ...(initial?.notes ?? [])],
  };
}

function completeConfig(
  request: TrainRequest,
  preset: Preset,
  known: Pick<TrainConfig, 'engine' | 'preprocessing'>,
): TrainConfig {
  const { source, split, seeds, workers, bootstrapReplicates } = request;
  return {
    source,
    split,
    seeds,
    workers: Math.min(workers, seeds.length),
    bootstrapReplicates,
    architecture: preset.architecture,
    recipe: preset.recipe,
    selection: request.selection ?? preset.selection,
    ...known,
  };
}

function seedTask(seed: number, { config, data, initial: model }: TrainStart): SeedTask {
  const { engine, architecture, recipe, selection, bootstrapReplicates, transfer } = config;
  const { train, validation, test, testPatients, summary } = data;
  const { classNames } = summary;
  const settings = { engine, architecture, recipe, selection, classNames, bootstrapReplicates };
  const initial = model && transfer && { initial: { model, transfer } };
  return { seed, ...settings, ...initial, train, validation, test, testPatients };
}

/** What metrics.json and the report are made of; at least one outcome is needed. */
export function trainResult({ start, outcomes, stopped }: Training): TrainResult {
  const { config, data, environment, notes } = start;
  const { architecture, preprocessing, recipe, selection, split, transfer } = config;
  const model = transfer ? { transfer } : { architecture };
  return {
    title: `Central training: ${data.summary.name}`,
    dataset: data.summary,
    recipe: { ...model, preprocessing, selection, split, ...recipe },
    seeds: outcomes.map(seedResult),
    ...subgroupsOf(start, chosenOutcome(outcomes)),
    environment,
    notes: [...(stopped ? [stoppedNote(config, outcomes)] : []), ...notes],
  };
}

function subgroupsOf(
  { data, config }: TrainStart,
  chosen: SeedOutcome | undefined,
): Pick<TrainResult, 'subgroupTests'> {
  const { test, testPatients: patients, testAttributes, summary } = data;
  if (!chosen || !testAttributes) return {};
  const { bootstrapReplicates: replicates } = config;
  const images = {
    ...{ probabilities: chosen.testProbabilities, labels: test.labels, patients },
    classNames: summary.classNames,
    ...(replicates > 0 && { bootstrap: { replicates, seed: 0 } }),
  };
  const tests = subgroupTests(images, testAttributes);
  return tests.length > 0 ? { subgroupTests: tests } : {};
}

function seedResult(outcome: SeedOutcome): SeedResult {
  const { seed, epochs, bestEpoch, test, durationMs, weights } = outcome;
  return { seed, epochs, bestEpoch, test, durationMs, weightsDigest: weightsDigest(weights) };
}

/** Which seeds are not what was asked for. */
export function stoppedNote(config: TrainConfig, outcomes: readonly SeedOutcome[]): string {
  const parts = config.seeds.map((seed) => {
    const outcome = outcomes.find((known) => known.seed === seed);
    if (outcome?.stopped === 'completed' || outcome?.stopped === 'earlyStopping')
      return `seed ${String(seed)} is complete`;
    return `seed ${String(seed)} has ${String(outcome?.epochs.length ?? 0)} of ${String(config.recipe.epochs)} epochs`;
  });
  return `Training was stopped before its end: ${parts.join(', ')}.`;
}

/** The outcome whose model is handed out: the best on the validation images, of equals the first. */
export function chosenOutcome(outcomes: readonly SeedOutcome[]): SeedOutcome | undefined {
  const score = (outcome: SeedOutcome): number => outcome.validationScore ?? -Infinity;
  return outcomes.reduce<SeedOutcome | undefined>(
    (best, outcome) => (best === undefined || score(outcome) > score(best) ? outcome : best),
    undefined,
  );
}
