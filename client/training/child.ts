/**
 * The process in which a site trains: a crash of a native library, or the system's end of a process that takes too much
 * memory, costs one attempt and not the agent. It ends when the agent does.
 */
import { messageOf } from '../../shared/errors.ts';
import { buildModel } from '../../shared/learning/architectures/architecture.ts';
import { openEngine } from '../../shared/learning/engines/open-engine.ts';
import type { CompiledModel } from '../../shared/learning/engines/engine.ts';
import { manifestOf, type Manifest } from '../../shared/learning/weights.ts';
import { hashPlan } from '../../shared/protocol/plan.ts';
import type { DataOrder, FromChild, ToChild } from './child-messages.ts';
import { computeUpdate, TrainingAborted } from './local-update.ts';
import { openSiteData, type SiteData } from './site-data.ts';

interface Bench extends SiteData {
  readonly key: string;
  readonly compiled: CompiledModel;
  readonly manifest: Manifest;
}

let bench: Promise<Bench> | undefined;
let benchKey = '';
let stop = new AbortController();

async function openBench({ source, plan, engine }: DataOrder): Promise<Bench> {
  const opened = await openSiteData(source, plan);
  const network = buildModel(plan.architecture, plan.task.imageDims, plan.task.classNames.length);
  const compiled = await (
    await openEngine(engine)
  ).compile(network, { batchSize: plan.training.batchSize, loss: 'softmax' });
  return { ...opened, key: benchKey, compiled, manifest: manifestOf(network) };
}

/** Images and compiled model stay from round to round. */
async function benchFor(order: DataOrder): Promise<Bench> {
  const key = `${order.source}\n${order.engine}\n${hashPlan(order.plan)}`;
  if (benchKey !== key) {
    const last = bench;
    benchKey = key;
    bench = (async () => {
      await (await last?.catch(() => undefined))?.compiled.dispose();
      return openBench(order);
    })();
  }
  if (!bench) throw new Error('there is no bench');
  try {
    return await bench;
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
    const { compiled, manifest, data, validation } = await benchFor(order);
    const result = await computeUpdate({
      ...request,
      ...{ plan: order.plan, compiled, manifest, data, validation },
      signal: stop.signal,
      onSteps: (steps) => {
        tell({ kind: 'steps', steps });
      },
    });
    tell({ kind: 'trained', result });
  } catch (error) {
    tell(
      error instanceof TrainingAborted ? { kind: 'stopped' } : { kind: 'failed', message: messageOf(error) },
    );
  }
}

process.on('message', (message: ToChild) => {
  switch (message.kind) {
    case 'train':
      void train(message);
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
