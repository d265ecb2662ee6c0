/** Models in a folder, each file named by the SHA-512 of its bytes, which is checked again when it is read. */
import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sha512Hex } from '../../shared/crypto/hash.ts';
import { messageOf, StorageError } from '../../shared/errors.ts';
import { modelHashSchema, type ModelHash } from '../../shared/ids.ts';
import { writeAtomically } from '../../shared/atomic-file.ts';

export class ModelStore {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** @throws StorageError when it cannot be written; nothing half-written is left under its name */
  async put(bytes: Uint8Array): Promise<ModelHash> {
    const hash = modelHashSchema.parse(sha512Hex(bytes));
    await writeAtomically(this.pathOf(hash), bytes);
    return hash;
  }

  /** @throws StorageError when it is missing or is not what its name says */
  async get(hash: ModelHash): Promise<Uint8Array> {
    const path = this.pathOf(hash);
    let bytes: Buffer;
    try {
      bytes = await readFile(path);
    } catch (cause) {
      throw new StorageError(
        `the model ${path} cannot be read: ${messageOf(cause)}; restore it from a backup`,
        {
          cause,
        },
      );
    }
    if (sha512Hex(bytes) !== hash)
      throw new StorageError(`the model ${path} has been changed or damaged; restore it from a backup`);
    return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  async has(hash: ModelHash): Promise<boolean> {
    return access(this.pathOf(hash)).then(
      () => true,
      () => false,
    );
  }

  pathOf(hash: ModelHash): string {
    return join(this.#folder, `${hash}.bin`);
  }
}
