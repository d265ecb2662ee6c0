/**
 * The file in which a site remembers what it has answered. It is written before an answer goes out: killed at any
 * moment, a site never answers a second unmasking of a round, or an attempt that it has answered before.
 */
import { readFile } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { writeAtomically } from '../../shared/atomic-file.ts';
import { messageOf, StorageError } from '../../shared/errors.ts';
import { runIdSchema } from '../../shared/ids.ts';
import { roundContextSchema } from '../../shared/protocol/messages.ts';
import type { SiteJournal } from './agent.ts';
import type { SessionEvent } from './events.ts';
import { memoryOf, type SessionMemory } from './state.ts';

const memorySchema = z.strictObject({
  seen: z.array(roundContextSchema),
  unmasked: z.array(z.strictObject({ runId: runIdSchema, round: z.int().min(1) })).optional(),
  transcripts: z
    .array(z.strictObject({ runId: runIdSchema, round: z.int().min(1), transcript: z.string() }))
    .optional(),
});

/** @throws StorageError for a file that is damaged: a site without its memory takes no part */
export async function readMemory(path: string): Promise<SessionMemory> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return { seen: [] };
    throw new StorageError(`${path} cannot be read: ${messageOf(error)}`, { cause: error });
  }
  try {
    const { seen, unmasked, transcripts } = memorySchema.parse(JSON.parse(text));
    return memoryOf({ seen, ...(unmasked && { unmasked }), ...(transcripts && { transcripts }) });
  } catch (cause) {
    throw new StorageError(
      `${path} is damaged: it says what this site has answered, so restore it from a backup; without it, leave the runs that are going on and enrol under a new name`,
      { cause },
    );
  }
}

export class SessionMemoryFile implements SiteJournal {
  readonly #path: string;
  #written: SessionMemory;

  /** `memory`: what `readMemory` has found in the file. */
  constructor(path: string, memory: SessionMemory) {
    this.#path = path;
    this.#written = memory;
  }

  async append(_event: SessionEvent, memory: SessionMemory): Promise<void> {
    if (isDeepStrictEqual(memory, this.#written)) return;
    await writeAtomically(this.#path, new TextEncoder().encode(JSON.stringify(memory)));
    this.#written = memory;
  }
}
