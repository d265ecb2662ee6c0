/** One simulation with a folder of its own, from its beginning or from where it was stopped. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Display } from '../display.ts';
import { runFederation, type SimulationOutcome } from '../harness.ts';
import { createRunFolder, openStoppedRun, type RunFolder, type StoppedRun } from '../run-folder.ts';
import type { SimulationConfig } from '../simulation-config.ts';

export interface RunContext {
  readonly display: Display;
  readonly signal: AbortSignal;
}

export interface FinishedRun {
  readonly outcome: SimulationOutcome;
  readonly folder: RunFolder;
}

/** @throws InputError when the folder holds something already */
export async function beginRun(path: string, config: SimulationConfig): Promise<StoppedRun> {
  const folder = await createRunFolder(path);
  await folder.begin(config);
  return { folder, config, from: undefined };
}

/** The run in a folder of a study: begun where there is none yet. */
export async function beginOrResume(path: string, config: SimulationConfig): Promise<StoppedRun> {
  return existsSync(join(path, 'config.json')) ? openStoppedRun(path) : beginRun(path, config);
}

export async function carryOut(
  { folder, config, from }: StoppedRun,
  { display, signal }: RunContext,
): Promise<FinishedRun> {
  const outcome = await runFederation(
    config,
    {
      signal,
      onProgress: (progress) => {
        if (progress.kind === 'round') folder.appendRound(progress.result);
        display.show(progress);
      },
    },
    { save: (checkpoint) => folder.checkpoint.save(checkpoint), ...(from && { from }) },
  );
  await folder.finish(outcome);
  return { outcome, folder };
}
