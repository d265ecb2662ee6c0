/** What a worker thread of the pool runs: one task at a time, with models that stay compiled from task to task. */
import { kTransferable, kValue, Tinypool } from 'tinypool';
import { executeTask } from './execute.ts';
import { freeArrays } from './garbage-collection.ts';
import { createModelSource } from './model-source.ts';
import type { TaskMessage, TaskResult } from './tasks.ts';

const source = createModelSource();

/** Receives a TaskMessage and gives a TaskResult. */
export default async function run({ task, stop }: TaskMessage): Promise<unknown> {
  const result = await executeTask(source, task, stop);
  freeArrays();
  return handOver(result);
}

/** An update's vectors, which are as large as the model, go to the other thread without a copy. */
function handOver(result: TaskResult): unknown {
  if (result.kind !== 'update') return result;
  const { delta, controlDelta } = result.update;
  const buffers = [delta, ...(controlDelta ? [controlDelta] : [])].map((vector) => vector.buffer);
  return Tinypool.move({ [kValue]: result, [kTransferable]: buffers });
}

/** Called by the pool when the worker is idle and about to end. */
export function dispose(): Promise<void> {
  return source.dispose();
}
