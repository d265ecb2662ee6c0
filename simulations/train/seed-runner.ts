/**
 * Runs trainings beside the main thread, so that progress and Ctrl-C are handled while a step computes.
 *
 * A native engine aborts the whole process when its thread is ended in the middle of a step. So nothing here ends a
 * thread that is busy: the signal stops every training between two steps, and the pool is let go when all are back.
 */
import { fileURLToPath } from 'node:url';
import { MessageChannel } from 'node:worker_threads';
import { Tinypool } from 'tinypool';
import { systemClock } from '../../shared/clock.ts';
import { ConsiliumError, InvariantError } from '../../shared/errors.ts';
import type { EngineName } from '../../shared/learning/engines/engine.ts';
import { openEngine } from '../../shared/learning/engines/open-engine.ts';
import type { SeedOutcome, SeedProgress, SeedResultMessage, SeedTask } from './seed-task.ts';
import { markOnTrainingThreads } from '../pool/garbage-collection.ts';
import { trainSeed } from './train-seed.ts';
import type { WorkerMessage } from './worker.ts';

/** A training failed in its thread for a reason that the user can act on. */
export class TrainingFailed extends ConsiliumError {
  readonly code = 'TRAINING_FAILED';
}

export interface RunSeedsOptions {
  readonly workers: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: SeedProgress) => void;
}

/** The native part of TensorFlow.js belongs to the main thread; its steps are short enough for a display between them. */
function needsMainThread(engine: EngineName): boolean {
  return engine === 'tensorflow' || engine === 'tensorflow-gpu';
}

/**
 * The outcomes in the order of the tasks; undefined for trainings that were stopped before they had a result. The
 * signal does not make it throw.
 * @throws TrainingFailed, or InvariantError for a bug, of the first task that failed; the others are stopped first.
 */
export async function runSeeds(
  tasks: readonly SeedTask[],
  options: RunSeedsOptions,
): Promise<readonly (SeedOutcome | undefined)[]> {
  const [first] = tasks;
  if (first === undefined) return [];
  return needsMainThread(first.engine) ? runInline(tasks, options) : runInThreads(tasks, options);
}

async function runInline(
  tasks: readonly SeedTask[],
  { signal, onProgress }: RunSeedsOptions,
): Promise<readonly (SeedOutcome | undefined)[]> {
  const outcomes: (SeedOutcome | undefined)[] = [];
  for (const task of tasks) {
    const hooks = { clock: systemClock, ...(signal && { signal }), ...(onProgress && { onProgress }) };
    const stopped = signal?.aborted === true;
    outcomes.push(stopped ? undefined : await trainSeed(await openEngine(task.engine), task, hooks));
  }
  return outcomes;
}

function createThreads(count: number): Tinypool {
  markOnTrainingThreads(count);
  // Sources run through tsx, which worker threads do not inherit: the bootstrap registers it there.
  const entry = import.meta.url.endsWith('.ts') ? './bootstrap.mjs' : './worker.js';
  return new Tinypool({
    filename: fileURLToPath(new URL(entry, import.meta.url)),
    runtime: 'worker_threads',
    minThreads: count,
    maxThreads: count,
    concurrentTasksPerWorker: 1,
    isolateWorkers: false,
  });
}

async function runInThreads(
  tasks: readonly SeedTask[],
  { workers, signal, onProgress }: RunSeedsOptions,
): Promise<readonly (SeedOutcome | undefined)[]> {
  const controller = new AbortController();
  const stop = controller.signal;
  const stopAll = (): void => {
    controller.abort();
  };
  if (signal?.aborted) stopAll();
  signal?.addEventListener('abort', stopAll, { once: true });
  const threads = createThreads(Math.min(workers, tasks.length));
  let next = 0;
  const outcomes = new Map<SeedTask, SeedOutcome | undefined>();
  // As many tasks are handed out as there are threads: what waits in no queue need not be called back.
  const lane = async (): Promise<void> => {
    for (let task = tasks[next++]; task !== undefined && !stop.aborted; task = tasks[next++])
      outcomes.set(task, await runInThread(threads, task, { stop, onProgress }));
  };
  try {
    const lanes = Array.from({ length: threads.options.maxThreads }, () =>
      lane().catch((error: unknown) => {
        stopAll();
        throw error;
      }),
    );
    const settled = await Promise.allSettled(lanes);
    for (const result of settled) if (result.status === 'rejected') throw result.reason;
    return tasks.map((task) => outcomes.get(task));
  } finally {
    signal?.removeEventListener('abort', stopAll);
    await threads.destroy();
  }
}

async function runInThread(
  threads: Tinypool,
  task: SeedTask,
  { stop, onProgress }: { stop: AbortSignal; onProgress: RunSeedsOptions['onProgress'] },
): Promise<SeedOutcome | undefined> {
  const { port1: here, port2: port } = new MessageChannel();
  const sendStop = (): void => {
    here.postMessage('stop');
  };
  here.on('message', (progress: SeedProgress) => onProgress?.(progress));
  stop.addEventListener('abort', sendStop, { once: true });
  try {
    const message: WorkerMessage = { task, port };
    // The thread's module returns exactly this type; tinypool's own signature does not say so.
    const result = (await threads.run(message, { transferList: [port] })) as SeedResultMessage;
    if (result.kind === 'done') return result.outcome;
    throw result.expected ? new TrainingFailed(result.message) : new InvariantError(result.message);
  } finally {
    stop.removeEventListener('abort', sendStop);
    here.close();
  }
}
