/** What a simulation leaves on disk. */
import { appendFileSync, existsSync, readdirSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { InputError, messageOf } from '../shared/errors.ts';
import { writeModel } from '../shared/learning/graph/model-file.ts';
import { hashPlan } from '../shared/protocol/plan.ts';
import type { SimulationOutcome } from './harness.ts';
import { federationMetricsCsv, roundCurvesCsv } from './report/csv.ts';
import { federationReport } from './report/federation-report.ts';
import { renderReport } from './report/render-report.ts';
import type { RoundResult } from './report/result-types.ts';

export interface RunFolder {
  readonly path: string;
  readonly reportPath: string;
  /** At once, so that a run that is stopped leaves its rounds. */
  appendRound(round: RoundResult): void;
  finish(outcome: SimulationOutcome): Promise<void>;
}

const json = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`;

/** @throws InputError when the folder holds something already or cannot be made */
export async function createRunFolder(path: string): Promise<RunFolder> {
  if (existsSync(path) && readdirSync(path).length > 0)
    throw new InputError(`--out ${path} is not empty: choose another folder, no earlier run is overwritten`);
  try {
    await mkdir(path, { recursive: true });
  } catch (cause) {
    throw new InputError(`--out ${path} cannot be made: ${messageOf(cause)}`, { cause });
  }
  const reportPath = join(path, 'report.html');
  return {
    path,
    reportPath,
    appendRound: (round) => {
      appendFileSync(join(path, 'rounds.jsonl'), `${JSON.stringify(round)}\n`);
    },
    finish: (outcome) => finish(path, reportPath, outcome),
  };
}

async function finish(path: string, reportPath: string, outcome: SimulationOutcome): Promise<void> {
  const { config, plan, result, finalDigest } = outcome;
  await mkdir(join(path, 'model'), { recursive: true });
  const files: readonly (readonly [string, string | Uint8Array])[] = [
    [join(path, 'config.json'), json(config)],
    [join(path, 'plan.json'), json({ hash: hashPlan(plan), plan })],
    [join(path, 'environment.json'), json(result.environment)],
    [join(path, 'metrics.json'), json({ ...result, finalDigest })],
    [join(path, 'metrics.csv'), federationMetricsCsv(result)],
    [join(path, 'rounds.csv'), roundCurvesCsv(result.rounds)],
    [join(path, 'model', 'model.onnx'), modelFile(outcome)],
    [reportPath, renderReport(federationReport(result))],
  ];
  for (const [file, content] of files) await writeFile(file, content);
}

function modelFile({ model, weights, result, plan, preprocessing }: SimulationOutcome): Uint8Array {
  return writeModel(model, weights, {
    classNames: result.dataset.classNames,
    activation: 'softmax',
    preprocessing: z.json().parse(JSON.parse(JSON.stringify(preprocessing))),
    metadata: new Map([
      ['consilium.plan', hashPlan(plan)],
      ['consilium.weights', result.weightsDigest ?? ''],
    ]),
  });
}
