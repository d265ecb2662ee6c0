/**
 * A file that says which process works in a place. It is made with its content or not at all; one whose process has
 * gone, also by SIGKILL or with the machine, holds nobody up; of one in another container that cannot be seen.
 */
import { readFileSync, readlinkSync } from 'node:fs';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { systemClock } from '../shared/clock.ts';
import { randomToken } from '../shared/crypto/random.ts';
import { messageOf, StorageError } from '../shared/errors.ts';

const holderSchema = z.strictObject({
  pid: z.int().min(1),
  /** When that process began, as the system counts: a number that was given again is another process. */
  begun: z.string().optional(),
  /** Of the running system: a lock of an earlier one is nobody's. */
  boot: z.string().optional(),
  /** In which the number counts: in every container the first process is number 1. */
  namespace: z.string().optional(),
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

/** Of this process; each is absent where the system does not say. proc(5), pid_namespaces(7). */
function surroundings(): Pick<Holder, 'boot' | 'namespace'> {
  const boot = orNone(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim());
  const namespace = orNone(() => readlinkSync('/proc/self/ns/pid'));
  return { ...(boot !== undefined && { boot }), ...(namespace !== undefined && { namespace }) };
}

function orNone(read: () => string): string | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

const differ = (a: string | undefined, b: string | undefined): boolean =>
  a !== undefined && b !== undefined && a !== b;

/** Of another container of this machine: whether it lives cannot be seen from here. */
function isForeign({ boot, namespace }: Holder): boolean {
  const here = surroundings();
  return !differ(boot, here.boot) && differ(namespace, here.namespace);
}

function isAlive({ pid, begun, boot }: Holder): boolean {
  if (differ(boot, surroundings().boot)) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    // A process of somebody else is there as well.
    if (!(error instanceof Error && 'code' in error && error.code === 'EPERM')) return false;
  }
  return begun === undefined || begunAt(pid) === begun;
}

/**
 * The living process that holds the file.
 * @throws StorageError when it is one of another container, of which nobody here knows whether it lives
 */
export async function holderOf(path: string): Promise<Holder | undefined> {
  const holder = await readHolder(path);
  if (holder && isForeign(holder))
    throw new StorageError(
      `${path} was made in another container: when nothing in any other container uses this folder any more, remove the file; else leave this one to the other`,
    );
  return holder && isAlive(holder) ? holder : undefined;
}

/** Whether a process holds the file, or one of another container may. */
export async function isHeld(path: string): Promise<boolean> {
  const holder = await readHolder(path);
  return holder !== undefined && (isForeign(holder) || isAlive(holder));
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
 * @throws StorageError when it cannot be written, or may be held in another container
 */
export async function takeLock(path: string): Promise<(() => Promise<void>) | undefined> {
  const begun = begunAt(process.pid);
  const holder: Holder = { pid: process.pid, ...(begun !== undefined && { begun }), ...surroundings() };
  const draft = `${path}.${randomToken()}`;
  try {
    try {
      await writeFile(draft, JSON.stringify(holder), { mode: 0o600, flag: 'wx' });
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
    if (cause instanceof StorageError) throw cause;
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
  if (await isHeld(aside)) await link(aside, path).catch(() => undefined);
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
