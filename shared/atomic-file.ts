/** Files that are there completely or not at all: written beside their place, flushed and renamed. */
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { randomToken } from './crypto/random.ts';
import { messageOf, StorageError } from './errors.ts';

/** @throws StorageError when it cannot be written; what was there before stays */
export async function writeAtomically(path: string, bytes: Uint8Array): Promise<void> {
  const folder = dirname(path);
  const temporary = join(folder, `.writing-${randomToken()}`);
  try {
    await mkdir(folder, { recursive: true });
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    await syncFolder(folder);
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw new StorageError(`${path} cannot be written: ${messageOf(cause)}; check space and permissions`, {
      cause,
    });
  }
}

/** The rename itself survives the loss of power only when the folder is flushed; Windows does not know that. */
async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
