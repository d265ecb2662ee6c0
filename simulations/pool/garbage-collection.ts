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

/** Sweeping the young part of the heap takes about a millisecond: worthwhile for so much that was made since. */
const YOUNG_BYTES = 4 * 2 ** 20;
/**
 * What has outlived that is only let go by a collection of the whole heap. V8 itself waits for 64 MB in each thread, so
 * that a simulation would need the more memory the more sites there are.
 */
const OLD_BYTES = 10 * 2 ** 20;

/** Without options: the whole heap. */
type CollectGarbage = (options?: { readonly type: 'minor' }) => void;

/** Undefined where the runtime has no such function. */
function collector(): CollectGarbage | undefined {
  setFlagsFromString('--expose-gc');
  const found: unknown = runInNewContext('globalThis.gc');
  // V8's own function: its parameters are documented by Node, but unknown to the compiler here.
  return typeof found === 'function' ? (found as CollectGarbage) : undefined;
}

let collect: CollectGarbage | undefined;
let afterLast = 0;
let afterWhole = 0;

/**
 * Frees the large arrays that were made and dropped in this thread: updates, and the engine's copies of gradients. V8 sees
 * that memory as a reason to mark the whole heap step by step, which costs more than to collect it at once between two
 * tasks.
 */
export function freeArrays(): void {
  const { arrayBuffers } = memoryUsage();
  // Freed memory is counted out by a thread of its own, a moment later: what is measured here is before the collection.
  if (arrayBuffers - afterWhole >= OLD_BYTES) {
    collect ??= collector();
    collect?.();
    afterLast = afterWhole = memoryUsage().arrayBuffers;
  } else if (arrayBuffers - afterLast >= YOUNG_BYTES) {
    collect ??= collector();
    collect?.({ type: 'minor' });
    afterLast = memoryUsage().arrayBuffers;
  }
}
