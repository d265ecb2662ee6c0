import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { Clock } from '../../../shared/clock.ts';
import { DataError } from '../../../shared/errors.ts';
import { cacheFolder } from '../../../simulations/datasets/datasets-config.ts';
import { download, type DownloadProgress } from '../../../simulations/datasets/download.ts';
import { medmnistFile } from '../../../simulations/datasets/medmnist-download.ts';
import {
  MEDMNIST_BASE_URL,
  MEDMNIST_REGISTRY,
  medmnistFileName,
} from '../../../simulations/datasets/medmnist-registry.ts';
import { withFolder } from '../../shared/data/toy.ts';

const content = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 31) % 256));
const md5 = createHash('md5').update(content).digest('hex');

type Handler = (request: IncomingMessage, response: ServerResponse) => void;
let server: Server | undefined;

async function serve(handler: Handler): Promise<string> {
  const started = createServer(handler);
  server = started;
  await new Promise<void>((resolve) => started.listen(0, '127.0.0.1', resolve));
  const address = started.address();
  if (address === null || typeof address === 'string') expect.unreachable();
  return `http://127.0.0.1:${String(address.port)}/`;
}

afterEach(async () => {
  const stopping = server;
  server = undefined;
  if (!stopping) return;
  stopping.closeAllConnections();
  await new Promise((resolve) => stopping.close(resolve));
});

/** Serves the content, ranges included. */
const whole: Handler = (request, response) => {
  const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
  if (start >= content.length) {
    response.writeHead(416).end();
    return;
  }
  const range = `bytes ${String(start)}-${String(content.length - 1)}/${String(content.length)}`;
  response.writeHead(start > 0 ? 206 : 200, {
    'content-length': content.length - start,
    ...(start > 0 && { 'content-range': range }),
  });
  response.end(content.subarray(start));
};

/** A clock whose time passes only when the test says so. */
function manualClock(): Clock & { expire(): void; pending(): number } {
  const actions = new Set<() => void>();
  return {
    nowMs: () => 0,
    elapsedMs: () => 0,
    schedule: (_delayMs, action) => {
      actions.add(action);
      return () => {
        actions.delete(action);
      };
    },
    expire: () => {
      for (const action of [...actions]) action();
    },
    pending: () => actions.size,
  };
}

describe('download', () => {
  it('fetches a whole file with progress', async () => {
    const url = await serve(whole);
    await withFolder(async (folder) => {
      const target = join(folder, 'sub', 'a.npz');
      const seen: DownloadProgress[] = [];
      await download({ url, target, md5, onProgress: (progress) => seen.push(progress) });
      expect((await readFile(target)).equals(content)).toBe(true);
      expect(seen.at(-1)).toEqual({ receivedBytes: content.length, totalBytes: content.length });
      expect(existsSync(`${target}.part`)).toBe(false);
    });
  });

  it('continues a download that was cut in the middle', async () => {
    const ranges: (string | undefined)[] = [];
    const url = await serve((request, response) => {
      ranges.push(request.headers.range);
      if (ranges.length > 1) {
        whole(request, response);
        return;
      }
      response.writeHead(200, { 'content-length': content.length });
      response.write(content.subarray(0, 100_000), () => request.socket.destroy());
    });
    await withFolder(async (folder) => {
      const target = join(folder, 'a.npz');
      await expect(download({ url, target, md5 })).rejects.toThrow(
        /a\.npz: the download .* failed: .*Run it again/s,
      );
      expect(existsSync(target)).toBe(false);
      const kept = (await readFile(`${target}.part`)).length;
      expect(kept).toBeGreaterThan(0);
      await download({ url, target, md5 });
      expect(ranges[1]).toBe(`bytes=${String(kept)}-`);
      expect((await readFile(target)).equals(content)).toBe(true);
    });
  });

  it('starts again when the server knows no ranges, and accepts a partial file that is whole', async () => {
    const url = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': content.length }).end(content);
    });
    await withFolder(async (folder) => {
      const target = join(folder, 'a.npz');
      await writeFile(`${target}.part`, 'something else');
      await download({ url, target, md5 });
      expect((await readFile(target)).equals(content)).toBe(true);
    });
  });

  it('accepts a partial file that is already whole', async () => {
    const url = await serve(whole);
    await withFolder(async (folder) => {
      const target = join(folder, 'a.npz');
      await writeFile(`${target}.part`, content);
      await download({ url, target, md5 });
      expect((await readFile(target)).equals(content)).toBe(true);
    });
  });

  it('refuses another part than was asked for', async () => {
    const url = await serve((_request, response) => {
      response.writeHead(206, { 'content-range': 'bytes 5-9/10' }).end('56789');
    });
    await withFolder(async (folder) => {
      await writeFile(join(folder, 'a.npz.part'), '01');
      await expect(download({ url, target: join(folder, 'a.npz'), md5 })).rejects.toThrow(
        'another part of the file',
      );
    });
  });

  it('removes a file whose checksum is wrong', async () => {
    const url = await serve(whole);
    await withFolder(async (folder) => {
      const target = join(folder, 'a.npz');
      const wrong = '0'.repeat(32);
      await expect(download({ url, target, md5: wrong })).rejects.toThrow(
        `damaged (MD5 ${md5}, expected ${wrong})`,
      );
      expect(existsSync(target)).toBe(false);
      expect(existsSync(`${target}.part`)).toBe(false);
    });
  });

  it('names the address when the file is not there, or nobody listens', async () => {
    const url = await serve((_request, response) => {
      response.writeHead(404).end('no');
    });
    await withFolder(async (folder) => {
      const target = join(folder, 'a.npz');
      const failing = download({ url: `${url}a.npz`, target, md5 });
      await expect(failing).rejects.toThrow(
        `a.npz: the download from ${url}a.npz failed: the server answered 404`,
      );
      await expect(failing).rejects.toBeInstanceOf(DataError);
      await expect(download({ url: 'http://127.0.0.1:1/a', target, md5 })).rejects.toThrow(
        /failed: .*--file/,
      );
    });
  });

  it('gives up when no byte arrives before the deadline', async () => {
    const clock = manualClock();
    const url = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': content.length });
      response.write(content.subarray(0, 1000));
    });
    await withFolder(async (folder) => {
      const stalled = download({
        url,
        target: join(folder, 'a.npz'),
        md5,
        clock,
        stallMs: 30_000,
        onProgress: () => {
          setImmediate(() => {
            clock.expire();
          });
        },
      });
      await expect(stalled).rejects.toThrow('no byte arrived for 30 s');
      expect(clock.pending()).toBe(0);
    });
  });

  it('gives up when the server never answers', async () => {
    const clock = manualClock();
    const url = await serve(() => {
      clock.expire();
    });
    await withFolder(async (folder) => {
      await expect(download({ url, target: join(folder, 'a.npz'), md5, clock })).rejects.toThrow(
        'no byte arrived for 60 s',
      );
    });
  });

  it('stops at the size limit and when asked to', async () => {
    const url = await serve(whole);
    await withFolder(async (folder) => {
      const target = join(folder, 'a.npz');
      await expect(download({ url, target, md5, maxBytes: 10 })).rejects.toThrow('more than 10 bytes');
      const stop = new AbortController();
      stop.abort();
      await expect(download({ url, target, md5, signal: stop.signal })).rejects.toThrow(/abort/i);
    });
  });
});

describe('medmnistFile', () => {
  const set = { name: 'breastmnist', size: 28 } as const;

  it('warns of a copy with another checksum and refuses a missing one', async () => {
    await withFolder(async (folder) => {
      const file = join(folder, 'copy.npz');
      await writeFile(file, content);
      const found = await medmnistFile({ ...set, file });
      expect(found.path).toBe(file);
      expect(found.warnings).toHaveLength(1);
      expect(found.warnings[0]).toContain(`copy.npz: MD5 ${md5} is not that of the published file`);
      await expect(medmnistFile({ ...set, file: join(folder, 'none.npz') })).rejects.toThrow('no such file');
    });
  });

  it('downloads by the published name, and refuses damaged files there and in the cache', async () => {
    const paths: (string | undefined)[] = [];
    const baseUrl = await serve((request, response) => {
      paths.push(request.url);
      whole(request, response);
    });
    await withFolder(async (cache) => {
      await expect(medmnistFile({ name: 'breastmnist', size: 64, cache, baseUrl })).rejects.toThrow(
        'breastmnist_64.npz: the downloaded file is damaged',
      );
      expect(paths).toEqual(['/breastmnist_64.npz']);
      await writeFile(join(cache, 'breastmnist.npz'), 'x');
      await expect(medmnistFile({ ...set, cache, baseUrl })).rejects.toThrow('the cached file is damaged');
      expect(paths).toHaveLength(1);
    });
  });

  it('knows the twelve published sets', () => {
    const entries = Object.values(MEDMNIST_REGISTRY);
    expect(entries).toHaveLength(12);
    const sums = entries.flatMap((entry) => Object.values(entry.md5));
    expect(new Set(sums).size).toBe(48);
    for (const sum of sums) expect(sum).toMatch(/^[0-9a-f]{32}$/);
    // Yang et al. 2023, Table 1, has 708 069 images; the published files since have 107 fewer in the three organ sets.
    expect(entries.flatMap((entry) => entry.counts).reduce((a, b) => a + b, 0)).toBe(708_069 - 107);
    expect(medmnistFileName('octmnist', 224)).toBe('octmnist_224.npz');
    expect(MEDMNIST_BASE_URL.endsWith('/')).toBe(true);
  });
});

describe('cacheFolder', () => {
  it('follows the environment', () => {
    expect(cacheFolder({ CONSILIUM_CACHE: '/c' })).toBe('/c');
    expect(cacheFolder({ XDG_CACHE_HOME: '/x', CONSILIUM_CACHE: '' })).toBe(join('/x', 'consilium'));
    expect(cacheFolder({})).toMatch(/\.cache.consilium$/);
  });
});
