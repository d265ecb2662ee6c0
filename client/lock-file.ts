/**
 * A file that says which process works in a place. It is made with its content or not at all; one whose process has
 * gone, also by SIGKILL or with the machine, holds nobody up.
 */
import { readFileSync } from 'node:fs';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { systemClock } from '../shared/clock.ts';
import { randomToken } from '../shared/crypto/random.ts';
import { messageOf, StorageError } from '../shared/errors.ts';

const holderSchema = z.strictObject({
  pid: z.int().min(1),
  /** When that process began, as the system counts: a number that was given again is another process. */
  begun: z.string().optional(),
});
export type Holder = z.infer<typeof holderSchema>;

/** Field 22 of /proc/pid/stat, proc(5); undefined where there is no such file. */
function begunAt(pid: number): string | undefined {
  try {
    const text = readFileSync(`/proc/${String(pid)}/stat`, 'utf8');
    // The name of the program, in brackets, may hold spaces.
    return text.slice(text.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}

function isAlive({ pid, begun }: Holder): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // A process of somebody else is there as well.
    if (!(error instanceof Error && 'code' in error && error.code === 'EPERM')) return false;
  }
  return begun === undefined || begunAt(pid) === begun;
}

/** The living process that holds the file. */
export async function holderOf(path: string): Promise<Holder | undefined> {
  const holder = await readHolder(path);
  return holder && isAlive(holder) ? holder : undefined;
}

async function readHolder(path: string): Promise<Holder | undefined> {
  try {
    return holderSchema.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    return undefined;
  }
}

const isTaken = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'EEXIST';

/**
 * Takes the file; the returned function gives it back. Undefined when a living process holds it.
 * @throws StorageError when it cannot be written
 */
export async function takeLock(path: string): Promise<(() => Promise<void>) | undefined> {
  const begun = begunAt(process.pid);
  const holder: Holder = { pid: process.pid, ...(begun !== undefined && { begun }) };
  const draft = `${path}.${randomToken()}`;
  try {
    await writeFile(draft, JSON.stringify(holder), { mode: 0o600, flag: 'wx' });
    try {
      // Unlike opening for writing, a link appears with its content.
      await link(draft, path).catch(async (error: unknown) => {
        if (!isTaken(error) || (await holderOf(path))) throw error;
        await removeStale(path);
        await link(draft, path);
      });
    } finally {
      await rm(draft, { force: true });
    }
  } catch (cause) {
    if (isTaken(cause)) return undefined;
    throw new StorageError(`${path} cannot be written: ${messageOf(cause)}; check space and permissions`, {
      cause,
    });
  }
  return () => rm(path, { force: true });
}

/** Two that find the same file stale must not remove the one that the first of them has made since. */
async function removeStale(path: string): Promise<void> {
  const aside = `${path}.${randomToken()}`;
  await rename(path, aside).catch(() => undefined);
  if (await holderOf(aside)) await link(aside, path).catch(() => undefined);
  await rm(aside, { force: true });
}

const RETRY_MS = 10;
/** An entry takes a few milliseconds. */
const PATIENCE_MS = 10_000;

/** @throws StorageError when another process does not give the file back; what `work` throws */
export async function withLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  // Whatever time a test simulates: the other process lives in this one.
  const untilMs = systemClock.elapsedMs() + PATIENCE_MS;
  for (;;) {
    const release = await takeLock(path);
    if (release) return await work().finally(release);
    if (systemClock.elapsedMs() > untilMs)
      throw new StorageError(`${path} is held by another process that does not give it back`);
    await new Promise<void>((resolve) => {
      systemClock.schedule(RETRY_MS, resolve);
    });
  }
}
