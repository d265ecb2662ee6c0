/** How much room the coordinator's files take, and how much is left. */
import { readdir, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { CoordinatorFolder } from '../config.ts';
import { isDatabaseServer } from './database.ts';

export interface DiskFigures {
  /** Of the file with its log; undefined for a database server. */
  readonly databaseBytes: number | undefined;
  readonly modelsBytes: number;
  readonly modelFiles: number;
  readonly runsBytes: number;
  /** Of the disk that the folder is on. */
  readonly freeBytes: number;
  readonly totalBytes: number;
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    // It may have gone meanwhile.
    () => 0,
  );
}

async function filesIn(folder: string): Promise<{ bytes: number; files: number }> {
  // Before the first model there is no such folder.
  const names = await readdir(folder).catch(() => []);
  const sizes = await Promise.all(names.map((name) => sizeOf(join(folder, name))));
  return { bytes: sizes.reduce((total, size) => total + size, 0), files: names.length };
}

/** Free and all bytes of the disk that holds the folder. */
export async function diskRoom(path: string): Promise<{ freeBytes: number; totalBytes: number }> {
  const { bavail, blocks, bsize } = await statfs(path);
  return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
}

export async function diskFigures({
  path,
  database,
  models,
  runs,
}: Pick<CoordinatorFolder, 'path' | 'database' | 'models' | 'runs'>): Promise<DiskFigures> {
  const inModels = await filesIn(models);
  const parts = ['', '-wal', '-shm'].map((end) => sizeOf(database + end));
  const databaseBytes = isDatabaseServer(database)
    ? undefined
    : (await Promise.all(parts)).reduce((total, size) => total + size, 0);
  return {
    databaseBytes,
    modelsBytes: inModels.bytes,
    modelFiles: inModels.files,
    runsBytes: (await filesIn(runs)).bytes,
    ...(await diskRoom(path)),
  };
}
