/** A checkpoint on disk: whole or not there, whatever moment the process or the machine ends at. */
import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { writeAtomically } from '../../shared/atomic-file.ts';
import { parseCheckpoint, type Checkpoint } from './checkpoint.ts';
import { decodeContainer, encodeContainer } from './container.ts';

export interface CheckpointFile {
  /** Undefined when there is none. @throws DataError naming the file when it is damaged */
  load(): Promise<Checkpoint | undefined>;
  /** Resolves once the checkpoint would survive a power failure. */
  save(checkpoint: Checkpoint): Promise<void>;
  /** After the run's end: nothing is left to go on with. */
  remove(): Promise<void>;
}

export function checkpointFile(path: string): CheckpointFile {
  return {
    load: async () => {
      if (!existsSync(path)) return undefined;
      return parseCheckpoint(decodeContainer(new Uint8Array(await readFile(path)), path), path);
    },
    save: (checkpoint) => writeAtomically(path, encodeContainer(checkpoint)),
    remove: () => rm(path, { force: true }),
  };
}
