/**
 * One file from the web into the cache: progress, resumption of a partial file (HTTP range requests, RFC 9110 §14),
 * a deadline whenever no byte arrives, and a checksum before the file gets its name.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { systemClock, type Clock } from '../../shared/clock.ts';
import { DataError, messageOf } from '../../shared/errors.ts';

export interface DownloadProgress {
  readonly receivedBytes: number;
  /** Absent when the server does not say. */
  readonly totalBytes?: number;
}

export interface DownloadOptions {
  readonly url: string;
  /** Where the file ends up; a partial one lies beside it as `.part`. */
  readonly target: string;
  /** 32 hexadecimal digits. */
  readonly md5: string;
  readonly clock?: Clock;
  /** Longest wait without a byte. Default 60 000. */
  readonly stallMs?: number;
  /** Largest file accepted, in bytes. Default 16 GiB, above every published one. */
  readonly maxBytes?: number;
  readonly onProgress?: (progress: DownloadProgress) => void;
  readonly signal?: AbortSignal;
}

const DEFAULT_STALL_MS = 60_000;
const DEFAULT_MAX_BYTES = 16 * 2 ** 30;

/** MD5 of a file, 32 hexadecimal digits. A check against damage; the source is trusted through TLS. */
export async function md5OfFile(path: string): Promise<string> {
  const hash = createHash('md5');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer); // streams of files give buffers
  return hash.digest('hex');
}

async function sizeOfFile(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch {
    return 0;
  }
}

/** Aborts when `touch` is not called for `stallMs`. */
function stallGuard(
  clock: Clock,
  stallMs: number,
): { signal: AbortSignal; touch: () => void; stop: () => void } {
  const controller = new AbortController();
  const expire = (): void => {
    controller.abort(new DataError(`no byte arrived for ${String(Math.round(stallMs / 1000))} s`));
  };
  let cancel = clock.schedule(stallMs, expire);
  return {
    signal: controller.signal,
    touch: () => {
      cancel();
      cancel = clock.schedule(stallMs, expire);
    },
    stop: () => {
      cancel();
    },
  };
}

interface Transfer {
  readonly body: ReadableStream<Uint8Array>;
  /** Bytes of the partial file that stay. */
  readonly keptBytes: number;
  readonly totalBytes: number | undefined;
}

function contentLength(response: Response): number | undefined {
  const text = response.headers.get('content-length');
  const length = text === null ? Number.NaN : Number(text);
  return Number.isSafeInteger(length) && length >= 0 ? length : undefined;
}

/** Start of the range that a 206 answer really holds. */
function rangeStart(response: Response): number | undefined {
  const start = /^bytes (\d+)-/.exec(response.headers.get('content-range') ?? '')?.[1];
  return start === undefined ? undefined : Number(start);
}

async function request(
  options: DownloadOptions,
  partBytes: number,
  signal: AbortSignal,
): Promise<Transfer | 'complete'> {
  const headers: Record<string, string> = partBytes > 0 ? { range: `bytes=${String(partBytes)}-` } : {};
  // Compressed transfer would make ranges and lengths those of another file.
  const response = await fetch(options.url, {
    headers: { ...headers, 'accept-encoding': 'identity' },
    signal,
  });
  // 416: nothing is left to ask for; the checksum decides whether the partial file is whole.
  if (response.status === 416 && partBytes > 0) {
    await response.body?.cancel();
    return 'complete';
  }
  if (!response.ok || !response.body) {
    await response.body?.cancel();
    throw new DataError(`the server answered ${String(response.status)} ${response.statusText}`.trim());
  }
  const resumed = response.status === 206 && rangeStart(response) === partBytes;
  if (response.status === 206 && !resumed) {
    await response.body.cancel();
    throw new DataError('the server sent another part of the file than was asked for');
  }
  const keptBytes = resumed ? partBytes : 0;
  const length = contentLength(response);
  return {
    body: response.body,
    keptBytes,
    totalBytes: length === undefined ? undefined : keptBytes + length,
  };
}

async function receive(
  transfer: Transfer,
  part: string,
  options: DownloadOptions,
  touch: () => void,
): Promise<void> {
  const limit = options.maxBytes ?? DEFAULT_MAX_BYTES;
  const file = await open(part, transfer.keptBytes > 0 ? 'a' : 'w');
  let receivedBytes = transfer.keptBytes;
  try {
    for await (const chunk of transfer.body) {
      touch();
      receivedBytes += chunk.byteLength;
      if (receivedBytes > limit) throw new DataError(`the file has more than ${String(limit)} bytes`);
      await file.writeFile(chunk);
      options.onProgress?.({
        receivedBytes,
        ...(transfer.totalBytes !== undefined && { totalBytes: transfer.totalBytes }),
      });
    }
  } finally {
    await file.close();
  }
  if (transfer.totalBytes !== undefined && receivedBytes < transfer.totalBytes)
    throw new DataError(
      `the connection ended after ${String(receivedBytes)} of ${String(transfer.totalBytes)} bytes`,
    );
}

async function transferInto(part: string, options: DownloadOptions): Promise<void> {
  const guard = stallGuard(options.clock ?? systemClock, options.stallMs ?? DEFAULT_STALL_MS);
  const signal = options.signal ? AbortSignal.any([guard.signal, options.signal]) : guard.signal;
  try {
    const transfer = await request(options, await sizeOfFile(part), signal);
    guard.touch();
    if (transfer === 'complete') return;
    await receive(transfer, part, options, guard.touch);
  } catch (error) {
    options.signal?.throwIfAborted();
    // fetch wraps the reason of an abort and of a broken connection.
    const reason: unknown = guard.signal.aborted ? guard.signal.reason : error;
    const detail =
      reason instanceof TypeError && reason.cause !== undefined ? messageOf(reason.cause) : messageOf(reason);
    throw new DataError(
      `${basename(options.target)}: the download from ${options.url} failed: ${detail}. ` +
        `Run it again to continue where it stopped, or fetch the file yourself and pass it with --file`,
      { cause: error },
    );
  } finally {
    guard.stop();
  }
}

/**
 * Downloads a file, or continues a partial one, and returns when its checksum is right.
 * @throws DataError naming file and address when the server refuses, the connection breaks or stalls (the partial
 * file stays and is continued), or the checksum is wrong (the file is removed).
 */
export async function download(options: DownloadOptions): Promise<void> {
  const part = `${options.target}.part`;
  await mkdir(dirname(options.target), { recursive: true });
  await transferInto(part, options);
  const md5 = await md5OfFile(part);
  if (md5 !== options.md5) {
    await rm(part, { force: true });
    throw new DataError(
      `${basename(options.target)}: the downloaded file is damaged (MD5 ${md5}, expected ${options.md5}); it was removed, run it again`,
    );
  }
  await rename(part, options.target);
}
