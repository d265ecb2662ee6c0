/** What the site has trained, a line a round, for its own people: `training.jsonl` in its folder, which never leaves it. */
import { appendFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { messageOf, StorageError } from '../../shared/errors.ts';
import { planHashSchema, runIdSchema } from '../../shared/ids.ts';
import type { TrainedRound } from './watched-trainer.ts';

const lineSchema = z.strictObject({
  time: z.iso.datetime(),
  runId: runIdSchema,
  round: z.int().min(0),
  planHash: planHashSchema,
  planName: z.string().max(200),
  steps: z.int().min(0),
  seconds: z.number().min(0),
  exampleCount: z.int().min(0),
  meanLoss: z.number(),
  validation: z
    .strictObject({ exampleCount: z.int().min(1), correctCount: z.int().min(0), lossSum: z.number() })
    .optional(),
  device: z.string().optional(),
});
export type TrainingRecord = z.infer<typeof lineSchema>;

const pathOf = (siteFolder: string): string => join(siteFolder, 'training.jsonl');

/** It is for looking at only: where it cannot be written nothing else depends on it. */
export async function appendTraining(siteFolder: string, trained: TrainedRound, time: string): Promise<void> {
  const line = `${JSON.stringify({ time, ...trained })}\n`;
  await appendFile(pathOf(siteFolder), line, { mode: 0o600 });
}

/** The last rounds that were trained, oldest first; lines that cannot be read are left out. @throws StorageError */
export async function readTraining(siteFolder: string, limit: number): Promise<readonly TrainingRecord[]> {
  const path = pathOf(siteFolder);
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
    throw new StorageError(`${path} cannot be read: ${messageOf(error)}`, { cause: error });
  });
  return text
    .split('\n')
    .slice(-limit - 1)
    .flatMap((line) => {
      const parsed = lineSchema.safeParse(jsonOf(line));
      return parsed.success ? [parsed.data] : [];
    });
}

function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
