/**
 * The file in which a site remembers what it has answered. It is written before an answer goes out: killed at any
 * moment, a site never answers a second unmasking of a round, or an attempt that it has answered before.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { writeAtomically } from '../../shared/atomic-file.ts';
import { messageOf, StorageError } from '../../shared/errors.ts';
import { runIdSchema } from '../../shared/ids.ts';
import { classCountsSchema } from '../../shared/protocol/class-counts.ts';
import { roundContextSchema } from '../../shared/protocol/messages.ts';
import type { SiteJournal } from './agent-options.ts';
import type { RoundFiles } from './round-files.ts';
import { memoryOf, type SessionMemory, type Tally } from './state.ts';

const tallySchema = z.strictObject({
  runId: runIdSchema,
  own: classCountsSchema.optional(),
  federation: classCountsSchema.optional(),
});

const memorySchema = z.strictObject({
  seen: z.array(roundContextSchema),
  unmasked: z.array(z.strictObject({ runId: runIdSchema, round: z.int().min(0) })).optional(),
  transcripts: z
    .array(z.strictObject({ runId: runIdSchema, round: z.int().min(0), transcript: z.string() }))
    .optional(),
  tallies: z.array(tallySchema).optional(),
});

/** Of a site, in its folder. */
export const MEMORY_FILE = 'memory.json';

/** When a site joins it has answered nothing. A memory that is there stays. */
export async function createMemory(folder: string): Promise<void> {
  const path = join(folder, MEMORY_FILE);
  if (!existsSync(path)) await writeMemory(path, { seen: [] });
}

const writeMemory = (path: string, memory: SessionMemory): Promise<void> =>
  writeAtomically(path, new TextEncoder().encode(JSON.stringify(memory)));

const WITHOUT_MEMORY =
  'it says what this site has answered, so restore it from a backup; without it, leave the runs that are going on and enrol under a new name';

/** @throws StorageError for a file that is damaged or missing: a site without its memory takes no part */
export async function readMemory(path: string): Promise<SessionMemory> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT')
      throw new StorageError(`${path} is not there: ${WITHOUT_MEMORY}`, { cause: error });
    throw new StorageError(`${path} cannot be read: ${messageOf(error)}`, { cause: error });
  }
  try {
    const { seen, unmasked, transcripts, tallies } = memorySchema.parse(JSON.parse(text));
    return memoryOf({
      seen,
      ...(unmasked && { unmasked }),
      ...(transcripts && { transcripts }),
      ...(tallies && { tallies: tallies.map(tallyOf) }),
    });
  } catch (cause) {
    throw new StorageError(`${path} is damaged: ${WITHOUT_MEMORY}`, { cause });
  }
}

const tallyOf = ({ runId, own, federation }: z.infer<typeof tallySchema>): Tally => ({
  runId,
  ...(own && { own }),
  ...(federation && { federation }),
});

export class SessionMemoryFile {
  readonly #path: string;
  #written: SessionMemory;

  /** `memory`: what `readMemory` has found in the file. */
  constructor(path: string, memory: SessionMemory) {
    this.#path = path;
    this.#written = memory;
  }

  async keep(memory: SessionMemory): Promise<void> {
    if (isDeepStrictEqual(memory, this.#written)) return;
    await writeMemory(this.#path, memory);
    this.#written = memory;
  }
}

/**
 * The journal of a site on disk. What it must never forget comes before where it is in the round: a site that finds
 * itself further on has it written down.
 */
export function journalIn(memory: SessionMemoryFile, round: RoundFiles): SiteJournal {
  return {
    append: async (_event, remembered, next) => {
      await memory.keep(remembered);
      await round.keep(next);
    },
    keepAnnounced: (announced) => round.keepAnnounced(announced),
    keepSecrets: (secrets) => round.keepSecrets(secrets),
    keepEvidence: (evidence) => round.keepEvidence(evidence),
    keepState: (context, kept) => round.keepState(context, kept),
    keepUpdate: (context, frame) => round.keepUpdate(context, frame),
  };
}
