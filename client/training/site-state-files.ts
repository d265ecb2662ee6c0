/**
 * A site's state of each run in a file below its folder, so that it outlives the program: without it the site would go on
 * as in its first round, and with it the run as if the site had forgotten what it had learned.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { deserialize, serialize } from 'node:v8';
import { z } from 'zod';
import { writeAtomically } from '../../shared/atomic-file.ts';
import { concatBytes } from '../../shared/crypto/bytes.ts';
import { sha512, SHA512_BYTES } from '../../shared/crypto/hash.ts';
import { messageOf, StorageError } from '../../shared/errors.ts';
import type { RunId } from '../../shared/ids.ts';
import type { SiteState, SiteStates } from './site-state.ts';

const vectorSchema = z.custom<Float32Array>((value) => value instanceof Float32Array);
const stateSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('control'), control: vectorSchema }),
  z.strictObject({ kind: z.literal('normalization'), values: vectorSchema }),
]);

/** SHA-512 of the rest, then the state. */
export function encodeSiteState(state: SiteState): Uint8Array {
  const bytes = serialize(state);
  return concatBytes(sha512(bytes), bytes);
}

/** Undefined for what `encodeSiteState` has not written. */
export function decodeSiteState(file: Uint8Array): SiteState | undefined {
  const bytes = file.subarray(SHA512_BYTES);
  if (file.length < SHA512_BYTES || !sha512(bytes).every((byte, i) => byte === file[i])) return undefined;
  return stateSchema.safeParse(deserialize(bytes)).data;
}

/** @param folder is made when something is saved */
export function createStateFiles(folder: string): SiteStates {
  const pathOf = (runId: RunId): string => join(folder, `${runId}.state`);
  return {
    load: async (runId) => {
      const path = pathOf(runId);
      const file = await readFile(path).catch((cause: unknown) => {
        if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined;
        throw new StorageError(`${path} cannot be read: ${messageOf(cause)}`, { cause });
      });
      const state = file && decodeSiteState(file);
      if (file && !state)
        throw new StorageError(
          `${path} is damaged: restore it from a backup, or remove it, and the site goes on as in its first round`,
        );
      return state;
    },
    save: (runId, state) => writeAtomically(pathOf(runId), encodeSiteState(state)),
  };
}
