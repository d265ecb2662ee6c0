/** A checkpoint on disk: whole or not there, whatever moment the process or the machine ends at. */
import { existsSync } from 'node:fs';
import { open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
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

/** Written beside the file, flushed, then renamed over it: a reader sees the old or the new file, nothing in between. */
export async function writeAtomically(path: string, bytes: Uint8Array): Promise<void> {
  const temporary = `${path}.new`;
  const file = await open(temporary, 'w');
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  // The new name is in the folder, which is flushed on its own; where a folder cannot be opened, as on Windows, it need not be.
  const folder = await open(dirname(path), 'r').catch(() => undefined);
  await folder?.sync().catch(() => undefined);
  await folder?.close();
}
