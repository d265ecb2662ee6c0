/** Local training in a process of its own, which is kept from round to round and made again after a crash. */
import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { systemClock, type Clock } from '../../shared/clock.ts';
import { ConsiliumError, InvariantError } from '../../shared/errors.ts';
import { planSchema } from '../../shared/protocol/plan.ts';
import type { Benefit, BenefitRequest } from './benefit.ts';
import type { DataOrder, FromChild, ToChild } from './child-messages.ts';
import {
  TrainingAborted,
  type CountRequest,
  type LocalResult,
  type LocalTrainer,
  type TrainingPlan,
  type TrainingRequest,
} from './local-update.ts';

/** The training process failed or ended; what it said stays at the site. */
export class TrainingFailed extends ConsiliumError {
  readonly code = 'TRAINING_FAILED';
}

export interface ChildTrainer extends LocalTrainer {
  /** @throws TrainingAborted when the signal came; TrainingFailed with what went wrong */
  compare(request: BenefitRequest & { readonly signal: AbortSignal }): Promise<Benefit>;
  /** Of the process, while there is one. */
  readonly pid: number | undefined;
  /** Ends the process once nothing trains, by force where that takes too long. Nothing is trained any more. */
  close(): Promise<void>;
}

export type ChildTrainerOptions = Omit<DataOrder, 'plan'>;

/** `clock`: for the end of a process that does not end by itself. */
export function createChildTrainer(
  options: ChildTrainerOptions,
  clock: Pick<Clock, 'schedule'> = systemClock,
): ChildTrainer {
  return new Trainer(options, clock);
}

/** A step of training, and the loading of images, take less as a rule; `site stop` waits for a minute. */
const CLOSING_MS = 30_000;

interface Question {
  readonly message: Exclude<ToChild, { kind: 'stop' }>;
  readonly signal: AbortSignal;
  readonly onSteps?: TrainingRequest['onSteps'];
}

type Answer = Extract<FromChild, { kind: 'trained' | 'counted' | 'compared' }>;

class Trainer implements ChildTrainer {
  readonly #options: ChildTrainerOptions;
  readonly #clock: Pick<Clock, 'schedule'>;
  #isClosed = false;
  #child: ChildProcess | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: ChildTrainerOptions, clock: Pick<Clock, 'schedule'>) {
    this.#options = options;
    this.#clock = clock;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  async train({ signal, onSteps, plan, ...request }: TrainingRequest): Promise<LocalResult> {
    const message = { kind: 'train', order: this.#order(plan), request } as const;
    const answer = await this.#inTurn({ message, signal, onSteps });
    if (answer.kind !== 'trained') throw new InvariantError('the training process did not train');
    return answer.result;
  }

  async count({ plan, signal }: CountRequest): Promise<readonly number[]> {
    const message = { kind: 'count', order: this.#order(plan) } as const;
    const answer = await this.#inTurn({ message, signal });
    if (answer.kind !== 'counted') throw new InvariantError('the training process did not count');
    return answer.classCounts;
  }

  async compare({
    signal,
    plan,
    ...request
  }: BenefitRequest & { readonly signal: AbortSignal }): Promise<Benefit> {
    const message = { kind: 'compare', order: this.#order(plan), request } as const;
    const answer = await this.#inTurn({ message, signal });
    if (answer.kind !== 'compared') throw new InvariantError('the training process did not compare');
    return answer.benefit;
  }

  #order(plan: TrainingPlan): DataOrder {
    return { ...this.#options, plan: planSchema.parse(plan) };
  }

  /** One after the other. */
  #inTurn(question: Question): Promise<Answer> {
    const answer = this.#last.then(() => this.#ask(question));
    this.#last = answer.catch(() => undefined);
    return answer;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const child = this.#child;
    const cancel = this.#clock.schedule(CLOSING_MS, () => {
      child?.kill('SIGKILL');
    });
    await this.#last;
    this.#child = undefined;
    if (child?.connected) {
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.disconnect();
      await gone;
    }
    cancel();
  }

  #ask({ message: question, signal, onSteps }: Question): Promise<Answer> {
    if (signal.aborted || this.#isClosed)
      return Promise.reject(new TrainingAborted('local training was stopped before it began'));
    const child = this.#started();
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
            onSteps?.(message.steps, message.figures);
            return;
          case 'trained':
          case 'counted':
          case 'compared':
            settle(() => {
              resolve(message);
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
      send(child, question);
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
