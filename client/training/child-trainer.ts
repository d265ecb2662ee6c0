/** Local training in a process of its own, which is kept from round to round and made again after a crash. */
import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { ConsiliumError, InvariantError } from '../../shared/errors.ts';
import { planSchema } from '../../shared/protocol/plan.ts';
import type { DataOrder, FromChild, ToChild } from './child-messages.ts';
import {
  TrainingAborted,
  type LocalResult,
  type LocalTrainer,
  type TrainingRequest,
} from './local-update.ts';

/** The training process failed or ended; what it said stays at the site. */
export class TrainingFailed extends ConsiliumError {
  readonly code = 'TRAINING_FAILED';
}

export interface ChildTrainer extends LocalTrainer {
  /** Of the process, while there is one. */
  readonly pid: number | undefined;
  /** Ends the process once nothing trains. */
  close(): Promise<void>;
}

export type ChildTrainerOptions = Omit<DataOrder, 'plan'>;

export function createChildTrainer(options: ChildTrainerOptions): ChildTrainer {
  return new Trainer(options);
}

class Trainer implements ChildTrainer {
  readonly #options: ChildTrainerOptions;
  #child: ChildProcess | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: ChildTrainerOptions) {
    this.#options = options;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  train(request: TrainingRequest): Promise<LocalResult> {
    const result = this.#last.then(() => this.#train(request));
    this.#last = result.catch(() => undefined);
    return result;
  }

  async close(): Promise<void> {
    await this.#last;
    const child = this.#child;
    this.#child = undefined;
    if (!child?.connected) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.disconnect();
    await gone;
  }

  #train({ signal, onSteps, plan, ...request }: TrainingRequest): Promise<LocalResult> {
    if (signal.aborted)
      return Promise.reject(new TrainingAborted('local training was stopped before it began'));
    const child = this.#started();
    const order: DataOrder = { ...this.#options, plan: planSchema.parse(plan) };
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        send(child, { kind: 'stop' });
      };
      const settle = (act: () => void): void => {
        signal.removeEventListener('abort', stop);
        child.off('message', hear);
        child.off('exit', ended);
        act();
      };
      const ended = (code: number | null, cause: string | null): void => {
        this.#child = undefined;
        settle(() => {
          const how = cause === null ? `with exit code ${String(code)}` : `by ${cause}`;
          reject(new TrainingFailed(`the training process ended ${how}; the next round starts another`));
        });
      };
      const hear = (message: FromChild): void => {
        switch (message.kind) {
          case 'steps':
            onSteps?.(message.steps);
            return;
          case 'trained':
            settle(() => {
              resolve(message.result);
            });
            return;
          case 'stopped':
            settle(() => {
              reject(new TrainingAborted('local training was stopped before its end'));
            });
            return;
          case 'failed':
            settle(() => {
              reject(new TrainingFailed(message.message));
            });
            return;
        }
      };
      signal.addEventListener('abort', stop, { once: true });
      child.on('message', hear);
      child.once('exit', ended);
      send(child, { kind: 'train', order, request });
    });
  }

  #started(): ChildProcess {
    if (this.#child?.connected) return this.#child;
    const isSource = import.meta.url.endsWith('.ts');
    const file = fileURLToPath(new URL(isSource ? './child-bootstrap.mjs' : './child.js', import.meta.url));
    this.#child = fork(file, [], { serialization: 'advanced', execArgv: [] });
    return this.#child;
  }
}

function send(child: ChildProcess, message: ToChild): void {
  if (!child.connected) return;
  child.send(message, (error) => {
    // A process that has just gone reports itself by its exit.
    if (error && child.connected)
      throw new InvariantError(`the training process cannot be told: ${error.message}`);
  });
}
