/** What a worker of the pool, a thread or a process, runs: one task at a time, with models that stay compiled from task to task. */
import { isMainThread } from 'node:worker_threads';
import { kTransferable, kValue, Tinypool } from 'tinypool';
import { executeTask } from './execute.ts';
import { freeArrays } from './garbage-collection.ts';
import { createModelSource } from './model-source.ts';
import type { StopOrder } from './process-runner.ts';
import type { StopFlag, TaskMessage, TaskResult } from './tasks.ts';

const source = createModelSource();

/** Tasks of this process that are to stop, whether they have begun or not. */
const stopped = new Set<number>();
let current: { readonly number: number; readonly stop: StopFlag } | undefined;

// Messages to the process come only from the pool, which is this program; those of tinypool itself have other keys.
if (isMainThread)
  process.on('message', (order: Partial<StopOrder>) => {
    if (order.stopTask === undefined) return;
    stopped.add(order.stopTask);
    if (current?.number === order.stopTask) Atomics.store(current.stop, 0, 1);
  });

/** Receives a TaskMessage, with a number in a process, and gives a TaskResult. */
export default async function run({
  task,
  stop,
  number,
}: TaskMessage & { readonly number?: number }): Promise<unknown> {
  if (number !== undefined) {
    current = { number, stop };
    if (stopped.delete(number)) Atomics.store(stop, 0, 1);
  }
  const result = await executeTask(source, task, stop);
  freeArrays();
  return handOver(result);
}

/** An update's vectors, which are as large as the model, go to the other thread without a copy; from a process everything is copied. */
function handOver(result: TaskResult): unknown {
  if (isMainThread || result.kind !== 'update') return result;
  const { delta, controlDelta } = result.update;
  const buffers = [delta, ...(controlDelta ? [controlDelta] : [])].map((vector) => vector.buffer);
  return Tinypool.move({ [kValue]: result, [kTransferable]: buffers });
}

/** Called by the pool when the worker is idle and about to end. */
export function dispose(): Promise<void> {
  return source.dispose();
}
