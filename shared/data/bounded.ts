/** Bounded concurrency for work that waits on disks and decoder threads. */
import { availableParallelism } from 'node:os';

/** Enough to keep the decoder's threads busy, few enough that decoded images do not pile up in memory. */
export const DECODERS = Math.min(8, availableParallelism() * 2);

/** Applies `work` to each item, at most `limit` at once; results in the order of the items. The first failure stops the rest. */
export async function mapBounded<T, R>(
  items: readonly T[],
  limit: number,
  work: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  const pending = items.entries();
  let failed = false;
  const lane = async (): Promise<void> => {
    for (const [index, item] of pending) {
      if (failed) return;
      try {
        results[index] = await work(item, index);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, limit) }, lane));
  return results;
}
