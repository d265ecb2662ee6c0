/**
 * TensorBoard's event files of a run: `tensorboard --logdir <run folder>`. Every curve of the same tag shares a chart, one
 * line for each folder, so that the sites and the federation are compared. Events are appended as they come, so that
 * TensorBoard can watch a run that goes on.
 */
import { appendFileSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock, type Clock } from '../../shared/clock.ts';
import { sha512Hex } from '../../shared/crypto/hash.ts';
import { scalarEvent, tfRecord, versionEvent } from './event.ts';
import type { StepScalars } from './scalars.ts';

export const TENSORBOARD_FOLDER = 'tensorboard';

/** TensorBoard reads every file that has "tfevents" in its name. */
const EVENT_FILE = 'events.out.tfevents.consilium';

export interface EventFolder {
  append(entries: readonly StepScalars[]): void;
  /** Everything that was appended is given up. */
  clear(): void;
}

/** @param runFolder in which the folder of the event files is made with the first entry */
export function eventFolder(runFolder: string, clock: Pick<Clock, 'nowMs'> = systemClock): EventFolder {
  const root = join(runFolder, TENSORBOARD_FOLDER);
  return {
    append: (entries) => {
      for (const { curve, step, scalars } of entries) {
        if (scalars.length === 0) continue;
        const timeMs = clock.nowMs();
        const folder = join(root, folderName(curve));
        const file = join(folder, EVENT_FILE);
        const begins = !existsSync(file);
        if (begins) mkdirSync(folder, { recursive: true });
        const event = tfRecord(scalarEvent({ timeMs, step, scalars }));
        appendFileSync(file, begins ? Buffer.concat([tfRecord(versionEvent(timeMs)), event]) : event);
      }
    },
    clear: () => {
      rmSync(root, { recursive: true, force: true });
    },
  };
}

/** Names of sites come from others: nothing in them may lead to another folder, and two names stay two. */
const MAX_NAME = 80;
const DIGEST_LENGTH = 12;

function folderName(name: string): string {
  const safe = name.replaceAll(
    /[^A-Za-z0-9 _-]/gu,
    (character) => `%${character.codePointAt(0)?.toString(16) ?? ''}`,
  );
  if (safe !== '' && safe.length <= MAX_NAME) return safe;
  return `${safe.slice(0, MAX_NAME)}-${sha512Hex(Buffer.from(name)).slice(0, DIGEST_LENGTH)}`;
}
