/** How tasks are really run: what every kind of worker of the pool has in common. */
import { fileURLToPath } from 'node:url';
import type { Options } from 'tinypool';
import type { TaskMessage, TaskResult } from './tasks.ts';

export interface Runner {
  readonly workerCount: number;
  /** `stopped`: the stop flag was raised, for a worker that does not share memory. */
  run(message: TaskMessage, stopped: AbortSignal): Promise<TaskResult>;
  end(): Promise<void>;
}

/** Tinypool's options for workers that stay and take one task at a time. */
export function workersOf(workerCount: number): Partial<Options> {
  // Sources run through tsx, which workers do not inherit: the bootstrap registers it there.
  const isSource = import.meta.url.endsWith('.ts');
  const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
  return {
    filename: isSource ? here('./bootstrap.mjs') : here('./worker.js'),
    minThreads: workerCount,
    maxThreads: workerCount,
    concurrentTasksPerWorker: 1,
    isolateWorkers: false,
    teardown: 'dispose',
  };
}
