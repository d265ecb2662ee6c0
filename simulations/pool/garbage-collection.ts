/**
 * Garbage collection beside training. V8 marks the heap on helper threads; the native engine returns a copy of every
 * gradient, so that happens all the time. Where each core has a training thread of its own those helpers take turns
 * with them and the threads wait for each other: two threads on two cores then do 1.65–1.8 times the steps of one, and
 * 1.9–2 times with marking on the thread that made the garbage.
 */
import { availableParallelism } from 'node:os';
import { memoryUsage } from 'node:process';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** To be called before the threads are made. Nothing happens where cores are left for the helpers. */
export function markOnTrainingThreads(workerCount: number): void {
  // The flag is read at the beginning of every cycle, so that it may change while the program runs.
  if (workerCount >= availableParallelism()) setFlagsFromString('--no-concurrent-marking');
}

/** A collection takes about a millisecond: less than the training of a model whose updates fill this memory. */
const WORTHWHILE_BYTES = 8 * 2 ** 20;

type CollectGarbage = (options: { readonly type: 'minor' }) => void;

/** Undefined where the runtime has no such function. */
function collector(): CollectGarbage | undefined {
  setFlagsFromString('--expose-gc');
  const found: unknown = runInNewContext('globalThis.gc');
  // V8's own function: its parameters are documented by Node, but unknown to the compiler here.
  return typeof found === 'function' ? (found as CollectGarbage) : undefined;
}

let collect: CollectGarbage | undefined;
let bytesKept = 0;

/**
 * Frees the large arrays that were made and dropped since the last time in this thread: updates, and the engine's copies
 * of gradients. V8 sees that memory as a reason to mark the whole heap again and again; to sweep the young part of it
 * in time makes that rare (measured for updates of 2 MB: about 5 % less processor time and memory).
 */
export function freeYoungArrays(): void {
  if (memoryUsage().arrayBuffers - bytesKept < WORTHWHILE_BYTES) return;
  collect ??= collector();
  collect?.({ type: 'minor' });
  bytesKept = memoryUsage().arrayBuffers;
}
