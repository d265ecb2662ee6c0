/**
 * Sums of many masks in worker threads (tinypool). Each thread sums a range of the vector over all masks, which counter
 * mode allows to start anywhere: one vector is written, whatever the number of threads.
 */
import { fileURLToPath } from 'node:url';
import { Tinypool } from 'tinypool';
import { concatBytes, wipe } from '../crypto/bytes.ts';
import { MASK_PIECE_BYTES } from '../crypto/mask-stream.ts';
import { InputError, InvariantError } from '../errors.ts';
import type { MaskRange } from './mask-worker.ts';
import { addMasks, type SignedSeed } from './masks.ts';
import { newRingVector, ringByteLength, ringView, type RingBits, type RingVector } from './ring.ts';

/** Bytes of masks below which this thread is done before others have started: a third of a second. */
const PARALLEL_FROM_BYTES = 256 * 2 ** 20;
/** Threads seldom run at the same speed; with several ranges for each, the faster take over. */
const RANGES_PER_WORKER = 2;
const MAX_WORKERS = 256;

export interface MaskPool {
  /** Σ ± mask of every seed. Seeds stay the caller's, to be wiped. */
  sum(masks: readonly SignedSeed[], bits: RingBits, length: number): Promise<RingVector>;
  /** Waits for what runs and ends the threads. Can be called twice; later sums are refused. */
  close(): Promise<void>;
}

export interface MaskPoolOptions {
  /** Threads; 1 means this one. */
  readonly workers: number;
  /** Default 256 MiB: smaller sums are made in this thread. */
  readonly parallelFromBytes?: number;
}

/** Threads start with the first sum that is large enough. @throws InputError for a number of workers outside 1…256 */
export function createMaskPool({ workers, parallelFromBytes }: MaskPoolOptions): MaskPool {
  if (!Number.isInteger(workers) || workers < 1 || workers > MAX_WORKERS)
    throw new InputError(`workers is ${String(workers)}; give 1 to ${String(MAX_WORKERS)}`);
  const fromBytes = parallelFromBytes ?? PARALLEL_FROM_BYTES;
  const running = new Set<Promise<unknown>>();
  let threads: Tinypool | undefined;
  let closed: Promise<void> | undefined;

  const close = async (): Promise<void> => {
    await Promise.allSettled(running);
    await threads?.destroy();
  };
  return {
    async sum(masks, bits, length) {
      if (closed) throw new InvariantError('the mask threads have ended');
      if (workers === 1 || ringByteLength(bits, length) * masks.length < fromBytes) {
        const sum = newRingVector(bits, length);
        addMasks(sum, masks);
        return sum;
      }
      threads ??= startThreads(workers);
      const sum = sumInThreads(threads, workers, { masks, bits, length });
      running.add(sum);
      try {
        return await sum;
      } finally {
        running.delete(sum);
      }
    },
    close() {
      closed ??= close();
      return closed;
    },
  };
}

function startThreads(count: number): Tinypool {
  const isSource = import.meta.url.endsWith('.ts');
  const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
  return new Tinypool({
    filename: isSource ? here('./mask-bootstrap.mjs') : here('./mask-worker.js'),
    runtime: 'worker_threads',
    minThreads: count,
    maxThreads: count,
    concurrentTasksPerWorker: 1,
    isolateWorkers: false,
  });
}

interface MaskSum {
  readonly masks: readonly SignedSeed[];
  readonly bits: RingBits;
  readonly length: number;
}

async function sumInThreads(threads: Tinypool, workers: number, job: MaskSum): Promise<RingVector> {
  const { masks, bits, length } = job;
  const byteLength = ringByteLength(bits, length);
  const shared = new SharedArrayBuffer(byteLength);
  const seeds = concatBytes(...masks.map(({ seed }) => seed));
  const signs = Int8Array.from(masks, ({ sign }) => sign);
  try {
    await Promise.all(
      rangesOf(byteLength, workers).map(({ start, end }) => {
        const range: MaskRange = { seeds, signs, bits, sum: shared, start, end };
        return threads.run(range) as Promise<void>;
      }),
    );
  } finally {
    wipe(seeds);
  }
  // A copy: what comes after (hashing, storing) does not take shared memory everywhere.
  const sum = newRingVector(bits, length);
  sum.set(ringView(bits, shared, 0, length));
  return sum;
}

/** Whole pieces each. */
function rangesOf(byteLength: number, workers: number): { start: number; end: number }[] {
  const pieces = Math.ceil(byteLength / MASK_PIECE_BYTES);
  const perRange = Math.max(1, Math.ceil(pieces / (workers * RANGES_PER_WORKER))) * MASK_PIECE_BYTES;
  return Array.from({ length: Math.ceil(byteLength / perRange) }, (_, i) => ({
    start: i * perRange,
    end: Math.min((i + 1) * perRange, byteLength),
  }));
}

/** One sum with threads of its own, ended afterwards. */
export async function sumOfMasks(
  masks: readonly SignedSeed[],
  bits: RingBits,
  length: number,
  options: MaskPoolOptions,
): Promise<RingVector> {
  const pool = createMaskPool(options);
  try {
    return await pool.sum(masks, bits, length);
  } finally {
    await pool.close();
  }
}
