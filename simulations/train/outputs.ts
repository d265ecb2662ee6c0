/** The folder that a training leaves: settings first, results at the end. */
import { existsSync } from 'node:fs';
import { mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { InputError, InvariantError } from '../../shared/errors.ts';
import { buildModel } from '../../shared/learning/architectures/architecture.ts';
import { writeModel } from '../../shared/learning/graph/model-file.ts';
import { weightsDigest } from '../../shared/learning/weights.ts';
import { curvePointsCsv, csvText, epochCurvesCsv, trainMetricsCsv } from '../report/csv.ts';
import { renderReport } from '../report/render-report.ts';
import { summariseSeeds, trainReport } from '../report/train-report.ts';
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
  'report.html',
] as const;

const MODELS_FOLDER = 'models';

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
  for (const file of [...OUTPUT_FILES, MODELS_FOLDER])
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
    model: { file: 'model.onnx', seed: chosen.seed, weightsDigest: weightsDigest(chosen.weights) },
    stopped: training.stopped,
  };
  const texts: readonly (readonly [file: (typeof OUTPUT_FILES)[number], content: string | Uint8Array])[] = [
    ['report.html', renderReport(trainReport(result))],
    ['metrics.json', jsonText(metrics)],
    ['metrics.csv', trainMetricsCsv(result)],
    ['curves.csv', epochCurvesCsv(result)],
    ['roc.csv', curvePointsCsv(chosen.test)],
    ['predictions.csv', predictionsCsv(start, outcomes)],
    ['model.onnx', modelBytes(start, chosen)],
  ];
  for (const [file, content] of texts) await writeFile(join(folder, file), content);
  const models = outcomes.length > 1 ? await writeModels(folder, start, outcomes) : [];
  return [...texts.map(([file]) => file), ...models, 'config.json', 'environment.json'];
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

function modelBytes({ config, data, environment }: TrainStart, outcome: SeedOutcome): Uint8Array {
  const { classNames, synthetic, name } = data.summary;
  const model = buildModel(config.architecture, data.train.imageDims, classNames.length);
  return writeModel(model, outcome.weights, {
    classNames,
    activation: 'softmax',
    preprocessing: z.json().parse(JSON.parse(JSON.stringify(data.preprocessing))),
    producer: { name: 'consilium', version: environment.consilium },
    metadata: new Map([
      ['consilium.dataset', name],
      ['consilium.synthetic', String(synthetic)],
      ['consilium.seed', String(outcome.seed)],
      ['consilium.weights.sha512', weightsDigest(outcome.weights)],
    ]),
  });
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
