/**
 * A pool that carries out tasks: resident workers (tinypool), each with its compiled models, or this thread. Workers are
 * threads for engines that several threads of one process can use, and processes for TensorFlow's, which cannot.
 * The result of a task depends on the task alone, not on which worker runs it or what else runs.
 *
 * A native engine aborts the whole process when its thread is ended in the middle of a step. So nothing here ends a
 * worker that is busy: `close` raises the stop flags, waits until every task has come back, and only then lets go.
 */
import { setMaxListeners } from 'node:events';
import { Tinypool } from 'tinypool';
import { TrainingAborted, type LocalResult } from '../../client/training/local-update.ts';
import { EngineError, InputError, InvariantError } from '../../shared/errors.ts';
import type { EngineName } from '../../shared/learning/engines/engine.ts';
import { executeTask, type ModelSource } from './execute.ts';
import { freeArrays, markOnTrainingThreads } from './garbage-collection.ts';
import { processRunner } from './process-runner.ts';
import { workersOf, type Runner } from './runner.ts';
import {
  createStopFlag,
  type EngineDescription,
  type FitOutcome,
  type FitTask,
  type ModelSpec,
  type PersonaliseTask,
  type PredictTask,
  type Task,
  type TaskResult,
  type UpdateTask,
} from './tasks.ts';

/** All throw TrainingAborted when the signal comes or the pool is closed, EngineError when the task fails. */
export interface Pool {
  readonly workerCount: number;
  update(task: Omit<UpdateTask, 'kind'>, signal?: AbortSignal): Promise<LocalResult>;
  fit(task: Omit<FitTask, 'kind'>, signal?: AbortSignal): Promise<FitOutcome>;
  /** The site's own weights. */
  personalise(task: Omit<PersonaliseTask, 'kind'>, signal?: AbortSignal): Promise<Float32Array>;
  /** Logits, [count, classes]. */
  predict(task: Omit<PredictTask, 'kind'>, signal?: AbortSignal): Promise<Float32Array>;
  /** What the model runs on. */
  describe(model: ModelSpec, signal?: AbortSignal): Promise<EngineDescription>;
  /** Stops what runs between two steps and waits for it. Later tasks are refused. Can be called twice. */
  close(): Promise<void>;
}

const MAX_WORKERS = 256;

/** @throws InputError for a number of workers outside 1…256 */
export function createWorkerPool(workerCount: number, engine: EngineName = 'onnx'): Pool {
  if (!Number.isInteger(workerCount) || workerCount < 1 || workerCount > MAX_WORKERS)
    throw new InputError(`workers is ${String(workerCount)}; give 1 to ${String(MAX_WORKERS)}`);
  return new TaskPool(
    engine.startsWith('tensorflow') ? processRunner(workerCount) : threadRunner(workerCount),
  );
}

function threadRunner(workerCount: number): Runner {
  markOnTrainingThreads(workerCount);
  const threads = new Tinypool({ ...workersOf(workerCount), runtime: 'worker_threads' });
  return {
    workerCount,
    run: async (message) => {
      // The worker's module returns exactly this type; tinypool's own signature does not say so.
      const result: unknown = await threads.run(message);
      return result as TaskResult;
    },
    end: () => threads.destroy(),
  };
}

/** One task after the other in this thread. */
export function createInlinePool(source: ModelSource): Pool {
  let last: Promise<unknown> = Promise.resolve();
  return new TaskPool({
    workerCount: 1,
    run: ({ task, stop }) => {
      const result = last.then(() => executeTask(source, task, stop));
      last = result;
      return result;
    },
    end: () => source.dispose(),
  });
}

class TaskPool implements Pool {
  readonly workerCount: number;
  readonly #runner: Runner;
  /** Each with what stops it. */
  readonly #running = new Map<Promise<TaskResult>, () => void>();
  #closed: Promise<void> | undefined;

  constructor(runner: Runner) {
    this.workerCount = runner.workerCount;
    this.#runner = runner;
  }

  async update(task: Omit<UpdateTask, 'kind'>, signal?: AbortSignal): Promise<LocalResult> {
    const result = await this.#run({ kind: 'update', ...task }, signal);
    if (result.kind !== 'update') throw wrongKind(result);
    return result.update;
  }

  async fit(task: Omit<FitTask, 'kind'>, signal?: AbortSignal): Promise<FitOutcome> {
    const result = await this.#run({ kind: 'fit', ...task }, signal);
    if (result.kind !== 'fit') throw wrongKind(result);
    return result.fit;
  }

  async personalise(task: Omit<PersonaliseTask, 'kind'>, signal?: AbortSignal): Promise<Float32Array> {
    const result = await this.#run({ kind: 'personalise', ...task }, signal);
    if (result.kind !== 'personalise') throw wrongKind(result);
    return result.weights;
  }

  async predict(task: Omit<PredictTask, 'kind'>, signal?: AbortSignal): Promise<Float32Array> {
    const result = await this.#run({ kind: 'predict', ...task }, signal);
    if (result.kind !== 'predict') throw wrongKind(result);
    return result.logits;
  }

  async describe(model: ModelSpec, signal?: AbortSignal): Promise<EngineDescription> {
    const result = await this.#run({ kind: 'describe', model }, signal);
    if (result.kind !== 'describe') throw wrongKind(result);
    return result.engine;
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    for (const raise of this.#running.values()) raise();
    await Promise.allSettled(this.#running.keys());
    await this.#runner.end();
  }

  async #run(task: Task, signal: AbortSignal | undefined): Promise<TaskResult> {
    if (this.#closed) throw new TrainingAborted('the pool is closed');
    if (signal?.aborted) return { kind: 'stopped' };
    const stop = createStopFlag();
    const stopped = new AbortController();
    const raise = (): void => {
      Atomics.store(stop, 0, 1);
      stopped.abort();
    };
    if (signal) {
      // One listener a task that runs or waits; each is removed with its task, so that many are no leak.
      setMaxListeners(0, signal);
      signal.addEventListener('abort', raise, { once: true });
    }
    const running = this.#runner.run({ task, stop }, stopped.signal);
    this.#running.set(running, raise);
    try {
      return await running;
    } finally {
      this.#running.delete(running);
      freeArrays();
      signal?.removeEventListener('abort', raise);
    }
  }
}

function wrongKind(result: TaskResult): Error {
  switch (result.kind) {
    case 'stopped':
      return new TrainingAborted('the task was stopped before its end');
    case 'failed':
      return new EngineError(result.message);
    case 'update':
    case 'fit':
    case 'personalise':
    case 'predict':
    case 'describe':
      return new InvariantError(`a worker answered with '${result.kind}' to another task`);
  }
}
