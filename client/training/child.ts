/**
 * The process in which a site trains: a crash of a native library, or the system's end of a process that takes too much
 * memory, costs one attempt and not the agent. It ends when the agent does.
 */
import { InvariantError, messageOf } from '../../shared/errors.ts';
import { classCountsOf } from '../../shared/learning/training/class-weights.ts';
import { compareModels } from './benefit.ts';
import type { DataOrder, FromChild, ToChild } from './child-messages.ts';
import { computeUpdate, TrainingAborted } from './local-update.ts';
import { benchKeyOf, OpenBench, type Bench } from './site-bench.ts';

let bench: Promise<OpenBench> | undefined;
let benchKey = '';
let stop = new AbortController();

/** Images and compiled model stay from round to round. */
async function benchFor(order: DataOrder, round: number): Promise<Bench> {
  const key = benchKeyOf(order);
  if (benchKey !== key) {
    const last = bench;
    benchKey = key;
    bench = (async () => {
      await (await last?.catch(() => undefined))?.dispose();
      return OpenBench.open(order);
    })();
  }
  if (!bench) throw new InvariantError('there is no bench');
  try {
    return await (await bench).at(round);
  } catch (error) {
    benchKey = '';
    throw error;
  }
}

function tell(message: FromChild): void {
  process.send?.(message);
}

async function train({ order, request }: Extract<ToChild, { kind: 'train' }>): Promise<void> {
  stop = new AbortController();
  try {
    const { compiled, device, manifest, initialWeights, data, validation } = await benchFor(
      order,
      request.context.round,
    );
    const result = await computeUpdate({
      ...request,
      ...{ plan: order.plan, compiled, manifest, initialWeights, data, validation },
      signal: stop.signal,
      onSteps: (steps, figures) => {
        tell({ kind: 'steps', steps, ...(figures && { figures: { ...figures, device } }) });
      },
    });
    tell({ kind: 'trained', result });
  } catch (error) {
    tell(
      error instanceof TrainingAborted ? { kind: 'stopped' } : { kind: 'failed', message: messageOf(error) },
    );
  }
}

async function compare({ order, request }: Extract<ToChild, { kind: 'compare' }>): Promise<void> {
  stop = new AbortController();
  try {
    const { validation, validationPatients, ...bench } = await benchFor(order, request.context.round);
    const benefit = await compareModels({
      ...{ ...bench, ...request, plan: order.plan, validation, validationPatients },
      signal: stop.signal,
    });
    tell({ kind: 'compared', benefit });
  } catch (error) {
    tell(
      error instanceof TrainingAborted ? { kind: 'stopped' } : { kind: 'failed', message: messageOf(error) },
    );
  }
}

/** With the model at once: an order that cannot be trained costs the round of counts and not the first of training. */
async function count({ order }: Extract<ToChild, { kind: 'count' }>): Promise<void> {
  try {
    const { data } = await benchFor(order, 1);
    tell({ kind: 'counted', classCounts: classCountsOf(data.labels, order.plan.task.classNames.length) });
  } catch (error) {
    tell({ kind: 'failed', message: messageOf(error) });
  }
}

process.on('message', (message: ToChild) => {
  switch (message.kind) {
    case 'train':
      void train(message);
      return;
    case 'count':
      void count(message);
      return;
    case 'compare':
      void compare(message);
      return;
    case 'stop':
      stop.abort();
      return;
  }
});
process.on('disconnect', () => {
  // The agent is gone: whatever is being trained is of no use. The process ends when the step in progress has.
  stop.abort();
});
// Ctrl-C reaches the whole group: the agent decides what happens to the training.
process.on('SIGINT', () => undefined);
