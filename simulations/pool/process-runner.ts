/**
 * Workers that are processes, for engines of which a process can have only one. They share no memory: images and weights
 * are copied to them, and the stop flag is raised by a message.
 */
import { Tinypool } from 'tinypool';
import { messageOf } from '../../shared/errors.ts';
import { workersOf, type Runner } from './runner.ts';
import type { TaskResult } from './tasks.ts';

/** Beside tinypool's own messages: the task of this number is to stop. */
export interface StopOrder {
  readonly stopTask: number;
}

export function processRunner(workerCount: number): Runner {
  const processes = new Tinypool({
    ...workersOf(workerCount),
    ...{ runtime: 'child_process', serialization: 'advanced', execArgv: [] },
  });
  let taskCount = 0;
  return {
    workerCount,
    run: async (message, stopped) => {
      const number = ++taskCount;
      const channel = {
        // Called when a worker takes the task.
        onMessage: (send: (order: StopOrder) => void) => {
          const order = (): void => {
            send({ stopTask: number });
          };
          if (stopped.aborted) order();
          else stopped.addEventListener('abort', order, { once: true });
        },
      };
      try {
        // The worker's module returns exactly this type; tinypool's own signature does not say so.
        const result: unknown = await processes.run({ ...copied(message), number }, { channel });
        return result as TaskResult;
      } catch (error) {
        return { kind: 'failed', message: `a training process has ended: ${messageOf(error)}` };
      }
    },
    end: () => processes.destroy(),
  };
}

/** Plain data, with copies of what is in shared memory. */
function copied<T extends object>(data: T): T {
  return Object.fromEntries(Object.entries(data).map(([key, value]) => [key, copiedValue(value)])) as T;
}

function copiedValue(value: unknown): unknown {
  if (value instanceof Float32Array || value instanceof Int32Array || value instanceof Uint8Array)
    return value.buffer instanceof SharedArrayBuffer ? value.slice() : value;
  if (Array.isArray(value)) return value.map(copiedValue);
  return typeof value === 'object' && value !== null && !ArrayBuffer.isView(value) ? copied(value) : value;
}
