/**
 * Several simulations one after the other, each in a folder of its own below the study's. study.json says what is planned
 * and holds the figures of what is done, so that a study that was stopped goes on where it was.
 */
import { existsSync, readdirSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { InputError, messageOf } from '../../shared/errors.ts';
import { writeAtomically } from '../../shared/atomic-file.ts';
import type { SimulationOutcome } from '../harness.ts';
import { comparedMethods } from '../report/methods.ts';
import { parseSimulation } from '../simulation-config.ts';
import type { PlannedRun } from './grid.ts';
import { beginOrResume, carryOut, type RunContext } from './run-one.ts';
import { STUDY_METRICS, summariseStudy, summaryCsv, type Group, type SummaryRow } from './summary.ts';

const figuresSchema = z.strictObject({
  finalDigest: z.string(),
  bestRound: z.int().optional(),
  methods: z.array(
    z.strictObject({ label: z.string(), metrics: z.partialRecord(z.enum(STUDY_METRICS), z.number()) }),
  ),
});
const runSchema = z.strictObject({
  label: z.string(),
  seed: z.int(),
  /** Below the study's folder. */
  folder: z.string(),
  /** As it was planned. */
  config: z.unknown(),
  figures: figuresSchema.optional(),
});
const studySchema = z.strictObject({ runs: z.array(runSchema) });
type StudyRun = z.infer<typeof runSchema>;

const STUDY_FILE = 'study.json';

export interface StudyOutcome {
  readonly rows: readonly SummaryRow[];
  readonly runs: readonly StudyRun[];
}

export const isStudy = (path: string): boolean => existsSync(join(path, STUDY_FILE));

/** @throws InputError when the folder holds something already */
export async function createStudy(path: string, planned: readonly PlannedRun[]): Promise<void> {
  if (existsSync(path) && readdirSync(path).length > 0)
    throw new InputError(`--out ${path} is not empty: choose another folder, no earlier run is overwritten`);
  await mkdir(path, { recursive: true });
  const labels = [...new Set(planned.map(({ label }) => label))];
  const width = String(labels.length).length;
  const runs = planned.map(({ label, config }): StudyRun => {
    const combination = String(labels.indexOf(label) + 1).padStart(width, '0');
    return {
      label,
      seed: config.seed,
      folder: join(...(labels.length > 1 ? [combination] : []), `seed-${String(config.seed)}`),
      config,
    };
  });
  await writeStudy(path, runs);
}

/** @throws InputError or DataError naming the file that cannot be used; SimulationStopped after the signal */
export async function carryOutStudy(path: string, context: RunContext): Promise<StudyOutcome> {
  const runs = await readStudy(path);
  for (const [index, run] of runs.entries()) {
    if (run.figures) continue;
    const settings = run.label === '' ? '' : `${run.label}, `;
    const text = `run ${String(index + 1)} of ${String(runs.length)}: ${settings}seed ${String(run.seed)}`;
    context.display.show({ kind: 'notice', text });
    const folder = join(path, run.folder);
    const { outcome } = await carryOut(await beginOrResume(folder, parseSimulation(run.config)), context);
    run.figures = figuresOf(outcome);
    await writeStudy(path, runs);
  }
  const rows = summariseStudy(groupsOf(runs));
  await writeFile(join(path, 'summary.csv'), summaryCsv(rows));
  return { rows, runs };
}

function figuresOf({ finalDigest, result }: SimulationOutcome): StudyRun['figures'] {
  const methods = comparedMethods(result).map(({ label, metrics }) => ({
    label,
    metrics: Object.fromEntries(
      STUDY_METRICS.flatMap((name) => {
        const { value } = metrics[name];
        return value === undefined ? [] : [[name, value] as const];
      }),
    ),
  }));
  return { finalDigest, bestRound: result.bestRound, methods };
}

function groupsOf(runs: readonly StudyRun[]): Group[] {
  const labels = [...new Set(runs.map(({ label }) => label))];
  return labels.map((label) => ({
    label,
    runs: runs.flatMap((run) =>
      run.label === label && run.figures ? [{ ...run.figures, bestRound: run.figures.bestRound }] : [],
    ),
  }));
}

function writeStudy(path: string, runs: readonly StudyRun[]): Promise<void> {
  return writeAtomically(join(path, STUDY_FILE), Buffer.from(`${JSON.stringify({ runs }, undefined, 2)}\n`));
}

async function readStudy(path: string): Promise<StudyRun[]> {
  const file = join(path, STUDY_FILE);
  try {
    return studySchema.parse(JSON.parse(await readFile(file, 'utf8'))).runs;
  } catch (cause) {
    throw new InputError(`${file} cannot be used: ${messageOf(cause)}`, { cause });
  }
}
