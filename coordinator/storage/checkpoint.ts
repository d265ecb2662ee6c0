/** Where a run stands after its last round, in one file that is there completely or not at all. */
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { deserialize, serialize } from 'node:v8';
import { concatBytes } from '../../shared/crypto/bytes.ts';
import { sha512, SHA512_BYTES } from '../../shared/crypto/hash.ts';
import { messageOf, StorageError } from '../../shared/errors.ts';
import type { RunId } from '../../shared/ids.ts';
import type { RunPosition } from '../run/run-options.ts';
import { writeAtomically } from '../../shared/atomic-file.ts';

export class CheckpointStore {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** @throws StorageError when it cannot be written; the one before stays */
  async save(runId: RunId, position: RunPosition): Promise<void> {
    const bytes = serialize(position);
    await writeAtomically(this.#pathOf(runId), concatBytes(sha512(bytes), bytes));
  }

  /** Undefined when the run has none. @throws StorageError when it is damaged */
  async load(runId: RunId): Promise<RunPosition | undefined> {
    const path = this.#pathOf(runId);
    let file: Buffer;
    try {
      file = await readFile(path);
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
      throw new StorageError(`${path} cannot be read: ${messageOf(error)}`, { cause: error });
    }
    const bytes = file.subarray(SHA512_BYTES);
    if (!sha512(bytes).every((byte, i) => byte === file[i]))
      throw new StorageError(
        `${path} is damaged: restore it from a backup, or stop the run and start another`,
      );
    // The digest says that these are the bytes of a position.
    return deserialize(bytes) as RunPosition;
  }

  async remove(runId: RunId): Promise<void> {
    await rm(this.#pathOf(runId), { force: true });
  }

  #pathOf(runId: RunId): string {
    return join(this.#folder, `${runId}.checkpoint`);
  }
}
