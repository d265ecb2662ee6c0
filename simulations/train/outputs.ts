/** The folder that a training leaves: settings first, results at the end. */
import { existsSync } from 'node:fs';
import { mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { InputError, InvariantError } from '../../shared/errors.ts';
import { buildModel } from '../../shared/learning/architectures/architecture.ts';
import { writeModel, type ModelDescription } from '../../shared/learning/graph/model-file.ts';
import type { Model } from '../../shared/learning/graph/types.ts';
import { modelNotesEntries } from '../../shared/learning/inference/model-notes.ts';
import { weightsDigest } from '../../shared/learning/weights.ts';
import { CARD_FILES, writeCard } from '../card/write-card.ts';
import { arePublic, explainSamples } from '../explain/samples.ts';
import { exportLayersModel, LAYERS_MODEL_FOLDER } from '../layers-model-output.ts';
import { csvText } from '../../shared/csv.ts';
import { curvePointsCsv, epochCurvesCsv, trainMetricsCsv } from '../report/csv.ts';
import type { ImageGrid } from '../report/model.ts';
import { renderReport } from '../report/render-report.ts';
import { summariseSeeds, trainReport } from '../report/train-report.ts';
import { eventFolder, TENSORBOARD_FOLDER } from '../tensorboard/event-folder.ts';
import { seedScalars } from '../tensorboard/scalars.ts';
import { chosenOutcome, trainResult, type TrainStart, type Training } from './run-training.ts';
import type { SeedOutcome } from './seed-task.ts';

/** Every file that a training may leave; nothing else in the folder is ever touched. */
export const OUTPUT_FILES = [
  'config.json',
  'environment.json',
  'metrics.json',
  'metrics.csv',
  'curves.csv',
  'roc.csv',
  'predictions.csv',
  'model.onnx',
  'model-card.md',
  'model-card.json',
  'report.html',
] as const;

const MODELS_FOLDER = 'models';
const OUTPUT_FOLDERS = [MODELS_FOLDER, LAYERS_MODEL_FOLDER, TENSORBOARD_FOLDER];

const jsonText = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

/**
 * Makes the folder, or takes an empty one. With `force` the files of an earlier training in it are removed.
 * @throws InputError when it is no folder, or has files and `force` is not given.
 */
export async function prepareOutputFolder(folder: string, force: boolean): Promise<void> {
  if (!existsSync(folder)) {
    await mkdir(folder, { recursive: true });
    return;
  }
  if (!(await stat(folder)).isDirectory())
    throw new InputError(`--out ${folder} is a file; give a folder that is empty or does not exist`);
  if ((await readdir(folder)).length === 0) return;
  if (!force)
    throw new InputError(
      `--out ${folder} is not empty; give another folder, or --force to replace an earlier training in it`,
    );
  for (const file of [...OUTPUT_FILES, ...OUTPUT_FOLDERS])
    await rm(join(folder, file), { recursive: true, force: true });
}

/** What is known before the first step. */
export async function writeSettings(folder: string, { config, environment }: TrainStart): Promise<void> {
  await writeFile(join(folder, 'config.json'), jsonText(config));
  await writeFile(join(folder, 'environment.json'), jsonText(environment));
}

/**
 * Writes the results of at least one outcome.
 * @returns the names of the files, in the order in which people look at them
 */
export async function writeResults(folder: string, training: Training): Promise<readonly string[]> {
  const { start, outcomes } = training;
  const chosen = chosenOutcome(outcomes);
  if (chosen === undefined) throw new InvariantError('there is no outcome to write');
  const result = trainResult(training);
  const metrics = {
    ...result,
    summary: summariseSeeds(result.seeds),
    model: {
      ...{ file: 'model.onnx', seed: chosen.seed, weightsDigest: weightsDigest(chosen.weights) },
      ...(chosen.calibration && { calibration: chosen.calibration }),
    },
    stopped: training.stopped,
  };
  const texts: readonly (readonly [file: (typeof OUTPUT_FILES)[number], content: string | Uint8Array])[] = [
    ['report.html', renderReport(trainReport(result, await samplesOf(start, chosen)))],
    ['metrics.json', jsonText(metrics)],
    ['metrics.csv', trainMetricsCsv(result)],
    ['curves.csv', epochCurvesCsv(result)],
    ['roc.csv', curvePointsCsv(chosen.test)],
    ['predictions.csv', predictionsCsv(start, outcomes)],
    ['model.onnx', modelBytes(start, chosen)],
  ];
  for (const [file, content] of texts) await writeFile(join(folder, file), content);
  const layersModel = await writeChosenLayersModel(folder, start, chosen);
  const events = eventFolder(folder);
  for (const seed of result.seeds) events.append(seedScalars(seed));
  const models = outcomes.length > 1 ? await writeModels(folder, start, outcomes) : [];
  await writeCard(folder);
  return [
    ...texts.map(([file]) => file),
    ...CARD_FILES,
    layersModel,
    ...models,
    `${TENSORBOARD_FOLDER}/`,
    'config.json',
    'environment.json',
  ];
}

async function writeModels(
  folder: string,
  start: TrainStart,
  outcomes: readonly SeedOutcome[],
): Promise<readonly string[]> {
  await mkdir(join(folder, MODELS_FOLDER), { recursive: true });
  for (const outcome of outcomes)
    await writeFile(
      join(folder, MODELS_FOLDER, `seed-${String(outcome.seed)}.onnx`),
      modelBytes(start, outcome),
    );
  return [`${MODELS_FOLDER}/seed-*.onnx`];
}

function describedModel({ config, data, initial }: TrainStart): {
  model: Model;
  description: ModelDescription;
} {
  const { classNames } = data.summary;
  const model = initial ?? buildModel(config.architecture, data.train.imageDims, classNames.length);
  const preprocessing = z.json().parse(JSON.parse(JSON.stringify(data.preprocessing)));
  return { model, description: { classNames, activation: 'softmax', preprocessing } };
}

/** Of the handed out model, where the images may be shown. */
async function samplesOf(start: TrainStart, chosen: SeedOutcome): Promise<ImageGrid | undefined> {
  const { test, summary } = start.data;
  if (!arePublic(summary)) return undefined;
  const { model } = describedModel(start);
  const { weights, testProbabilities: probabilities } = chosen;
  return explainSamples({ model, weights, test, probabilities, classNames: summary.classNames });
}

/** Where a model comes from, for its metadata. */
function notesOf({ config, data }: TrainStart, outcome: SeedOutcome): ReadonlyMap<string, string> {
  const { synthetic, name } = data.summary;
  return new Map([
    ['consilium.dataset', name],
    ['consilium.synthetic', String(synthetic)],
    ['consilium.seed', String(outcome.seed)],
    ['consilium.weights.sha512', weightsDigest(outcome.weights)],
    ...modelNotesEntries({ calibration: outcome.calibration, augmentation: config.recipe.augmentation }),
  ]);
}

function modelBytes(start: TrainStart, outcome: SeedOutcome): Uint8Array {
  const { model, description } = describedModel(start);
  return writeModel(model, outcome.weights, {
    ...description,
    producer: { name: 'consilium', version: start.environment.consilium },
    metadata: notesOf(start, outcome),
  });
}

function writeChosenLayersModel(folder: string, start: TrainStart, chosen: SeedOutcome): Promise<string> {
  const { model, description } = describedModel(start);
  const notes = notesOf(start, chosen);
  return exportLayersModel(folder, { model, weights: chosen.weights }, { ...description, notes });
}

/** One line for each seed and test image: its number in the dataset, its label, the probability of each class. */
function predictionsCsv({ data }: TrainStart, outcomes: readonly SeedOutcome[]): string {
  const { classNames } = data.summary;
  const rows = outcomes.flatMap(({ seed, testProbabilities }) =>
    Array.from(data.testIndices, (index, i) => [
      seed,
      index,
      classNames[data.test.labels[i] ?? -1],
      ...testProbabilities.subarray(i * classNames.length, (i + 1) * classNames.length),
    ]),
  );
  return csvText(['seed', 'image', 'label', ...classNames.map((name) => `p(${name})`)], rows);
}
