/** What a worker thread of the pool runs: one task at a time, with models that stay compiled from task to task. */
import { executeTask } from './execute.ts';
import { createModelSource } from './model-source.ts';
import type { TaskMessage, TaskResult } from './tasks.ts';

const source = createModelSource();

export default function run({ task, stop }: TaskMessage): Promise<TaskResult> {
  return executeTask(source, task, stop);
}

/** Called by the pool when the worker is idle and about to end. */
export function dispose(): Promise<void> {
  return source.dispose();
}
