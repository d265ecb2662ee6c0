/** What a simulation leaves on disk, and how one that was stopped is found again. */
import { appendFileSync, existsSync, readdirSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { InputError, messageOf } from '../shared/errors.ts';
import { writeModel, type ModelDescription } from '../shared/learning/graph/model-file.ts';
import { modelNotesEntries } from '../shared/learning/inference/model-notes.ts';
import { hashPlan } from '../shared/protocol/plan.ts';
import { writeCard } from './card/write-card.ts';
import type { Checkpoint } from './checkpoint/checkpoint.ts';
import { writeAtomically } from '../shared/atomic-file.ts';
import { checkpointFile, type CheckpointFile } from './checkpoint/checkpoint-file.ts';
import type { SimulationOutcome } from './harness.ts';
import { exportLayersModel } from './layers-model-output.ts';
import { federationMetricsCsv, roundCurvesCsv, sitesCsv } from './report/csv.ts';
import { federationReport } from './report/federation-report.ts';
import { renderReport } from './report/render-report.ts';
import type { RoundResult } from './report/result-types.ts';
import { eventFolder } from './tensorboard/event-folder.ts';
import { roundScalars, testScalars } from './tensorboard/scalars.ts';
import { parseSimulation, type SimulationConfig } from './simulation-config.ts';

export interface RunFolder {
  readonly path: string;
  readonly reportPath: string;
  /** Where the run stands, until it is finished. */
  readonly checkpoint: CheckpointFile;
  /** Before the first round, so that a run that is stopped can be resumed. */
  begin(config: SimulationConfig): Promise<void>;
  /** At once, so that a run that is stopped leaves its rounds. */
  appendRound(round: RoundResult): void;
  finish(outcome: SimulationOutcome): Promise<void>;
}

const CONFIG_FILE = 'config.json';
const METRICS_FILE = 'metrics.json';
const ROUNDS_FILE = 'rounds.jsonl';

const json = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`;

/** @throws InputError when the folder holds something already or cannot be made */
export async function createRunFolder(path: string): Promise<RunFolder> {
  // A run that could not begin leaves its settings and nothing else.
  if (existsSync(path) && readdirSync(path).some((name) => name !== CONFIG_FILE))
    throw new InputError(`--out ${path} is not empty: choose another folder, no earlier run is overwritten`);
  try {
    await mkdir(path, { recursive: true });
  } catch (cause) {
    throw new InputError(`--out ${path} cannot be made: ${messageOf(cause)}`, { cause });
  }
  return folderAt(path);
}

export interface StoppedRun {
  readonly folder: RunFolder;
  readonly config: SimulationConfig;
  /** Undefined when the run was stopped before the end of its first round. */
  readonly from: Checkpoint | undefined;
}

/**
 * A run that was stopped. Lines of rounds.jsonl after the checkpoint are given up.
 * @throws InputError when nothing was stopped there; DataError when the checkpoint is damaged
 */
export async function openStoppedRun(path: string): Promise<StoppedRun> {
  const configPath = join(path, CONFIG_FILE);
  if (!existsSync(configPath))
    throw new InputError(
      `--resume ${path}: there is no ${configPath}; give the folder of a run that was stopped`,
    );
  if (existsSync(join(path, METRICS_FILE)))
    throw new InputError(`--resume ${path}: that run is finished, its results are in the folder`);
  const config = parseSimulation(await readJson(configPath));
  const folder = folderAt(path);
  const from = await folder.checkpoint.load();
  const lines = (from?.rounds ?? []).map((round) => `${JSON.stringify(round)}\n`);
  await writeFile(join(path, ROUNDS_FILE), lines.join(''));
  const events = eventFolder(path);
  events.clear();
  for (const round of from?.rounds ?? []) events.append(roundScalars(round));
  return { folder, config, from };
}

async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    throw new InputError(`${path} cannot be read: ${messageOf(cause)}`, { cause });
  }
}

function folderAt(path: string): RunFolder {
  const reportPath = join(path, 'report.html');
  const checkpoint = checkpointFile(join(path, 'checkpoint.bin'));
  const events = eventFolder(path);
  return {
    path,
    reportPath,
    checkpoint,
    begin: (config) => writeAtomically(join(path, CONFIG_FILE), Buffer.from(json(config))),
    appendRound: (round) => {
      appendFileSync(join(path, ROUNDS_FILE), `${JSON.stringify(round)}\n`);
      events.append(roundScalars(round));
    },
    finish: async (outcome) => {
      events.append(testScalars(outcome.result));
      await finish(path, reportPath, outcome);
      await checkpoint.remove();
    },
  };
}

async function finish(path: string, reportPath: string, outcome: SimulationOutcome): Promise<void> {
  const { config, plan, result, insight } = outcome;
  await mkdir(join(path, 'model'), { recursive: true });
  const files: readonly (readonly [string, string | Uint8Array])[] = [
    [join(path, CONFIG_FILE), json(config)],
    [join(path, 'plan.json'), json({ hash: hashPlan(plan), plan })],
    [join(path, 'environment.json'), json(result.environment)],
    [join(path, 'metrics.csv'), federationMetricsCsv(result)],
    [join(path, 'sites.csv'), sitesCsv(result)],
    [join(path, 'rounds.csv'), roundCurvesCsv(result.rounds)],
    [join(path, 'model', 'model.onnx'), modelFile(outcome)],
    [reportPath, renderReport(federationReport(result, outcome.insight.samples))],
    // Last, because a folder that has it is a run that is finished.
    [join(path, METRICS_FILE), json({ ...result, calibration: insight.calibration })],
  ];
  await exportLayersModel(join(path, 'model'), outcome, { ...describe(outcome), notes: notesOf(outcome) });
  for (const [file, content] of files) await writeFile(file, content);
  await writeCard(path);
}

function describe({ result, preprocessing }: SimulationOutcome): ModelDescription {
  return {
    classNames: result.dataset.classNames,
    activation: 'softmax',
    preprocessing: z.json().parse(JSON.parse(JSON.stringify(preprocessing))),
  };
}

/** Where the model comes from, for its metadata. */
function notesOf({ result, plan, insight, config }: SimulationOutcome): ReadonlyMap<string, string> {
  return new Map([
    ['consilium.plan', hashPlan(plan)],
    ['consilium.weights', result.weightsDigest ?? ''],
    ['consilium.dataset', result.dataset.name],
    ['consilium.synthetic', String(result.dataset.synthetic)],
    ...modelNotesEntries({
      ...{ calibration: insight.calibration, augmentation: config.training.augmentation },
    }),
  ]);
}

function modelFile(outcome: SimulationOutcome): Uint8Array {
  const { model, weights } = outcome;
  return writeModel(model, weights, { ...describe(outcome), metadata: notesOf(outcome) });
}
