/**
 * Garbage collection beside training. V8 marks the heap on helper threads; the native engine returns a copy of every
 * gradient, so that happens all the time. Where each core has a training thread of its own those helpers take turns
 * with them and the threads wait for each other: two threads on two cores then do 1.65–1.8 times the steps of one, and
 * 1.9–2 times with marking on the thread that made the garbage.
 */
import { availableParallelism } from 'node:os';
import { setFlagsFromString } from 'node:v8';

/** To be called before the threads are made. Nothing happens where cores are left for the helpers. */
export function markOnTrainingThreads(workerCount: number): void {
  // The flag is read at the beginning of every cycle, so that it may change while the program runs.
  if (workerCount >= availableParallelism()) setFlagsFromString('--no-concurrent-marking');
}
