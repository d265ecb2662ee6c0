/** MedMNIST files: from the cache, from a copy on disk, or downloaded. */
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Clock } from '../../shared/clock.ts';
import { DataError } from '../../shared/errors.ts';
import type { MedmnistName } from '../../shared/data/medmnist-names.ts';
import { cacheFolder } from './datasets-config.ts';
import { download, md5OfFile, type DownloadProgress } from './download.ts';
import {
  MEDMNIST_BASE_URL,
  MEDMNIST_REGISTRY,
  medmnistFileName,
  type MedmnistSize,
} from './medmnist-registry.ts';

export interface MedmnistFileOptions {
  readonly name: MedmnistName;
  readonly size: MedmnistSize;
  /** A copy on disk; nothing is downloaded then. */
  readonly file?: string;
  /** Default: `medmnist` in the cache folder. */
  readonly cache?: string;
  /** Ends with a slash. Default: Zenodo. */
  readonly baseUrl?: string;
  readonly clock?: Clock;
  readonly stallMs?: number;
  readonly onProgress?: (progress: DownloadProgress) => void;
  readonly signal?: AbortSignal;
}

export interface MedmnistFile {
  readonly path: string;
  /** Things worth saying that stop nothing. */
  readonly warnings: readonly string[];
}

async function localCopy(file: string, md5: string): Promise<MedmnistFile> {
  if (!existsSync(file)) throw new DataError(`${file}: no such file`);
  const found = await md5OfFile(file);
  if (found === md5) return { path: file, warnings: [] };
  // Copies that were packed again have the same arrays and another checksum, so that this is no error.
  const warning =
    `${basename(file)}: MD5 ${found} is not that of the published file (${md5}); ` +
    'a copy that was packed again is fine, anything else is another dataset';
  return { path: file, warnings: [warning] };
}

/**
 * The path of a MedMNIST file with its checksum checked.
 * @throws DataError when a given copy is missing or the download fails; see `download`.
 */
export async function medmnistFile(options: MedmnistFileOptions): Promise<MedmnistFile> {
  const { name, size } = options;
  const md5 = MEDMNIST_REGISTRY[name].md5[size];
  if (options.file !== undefined) return localCopy(options.file, md5);
  const fileName = medmnistFileName(name, size);
  const path = join(options.cache ?? join(cacheFolder(), 'medmnist'), fileName);
  if (existsSync(path)) {
    if ((await md5OfFile(path)) === md5) return { path, warnings: [] };
    throw new DataError(`${path}: the cached file is damaged (wrong MD5); remove it and run again`);
  }
  await download({
    url: `${options.baseUrl ?? MEDMNIST_BASE_URL}${fileName}`,
    target: path,
    md5,
    ...(options.clock && { clock: options.clock }),
    ...(options.stallMs !== undefined && { stallMs: options.stallMs }),
    ...(options.onProgress && { onProgress: options.onProgress }),
    ...(options.signal && { signal: options.signal }),
  });
  return { path, warnings: [] };
}
