/** What a training thread runs: one seed at a time, telling its progress and listening for the stop. */
import { once } from 'node:events';
import type { MessagePort } from 'node:worker_threads';
import { systemClock } from '../../shared/clock.ts';
import { ConsiliumError, messageOf } from '../../shared/errors.ts';
import { openEngine } from '../../shared/learning/engines/open-engine.ts';
import type { SeedResultMessage, SeedTask } from './seed-task.ts';
import { trainSeed } from './train-seed.ts';

export interface WorkerMessage {
  readonly task: SeedTask;
  /** Progress goes out; any message that comes in means stop. */
  readonly port: MessagePort;
}

/** Never rejects; comes back only when no session runs any more, so that the thread can be ended. */
export default async function run({ task, port }: WorkerMessage): Promise<SeedResultMessage> {
  const stop = new AbortController();
  port.once('message', () => {
    stop.abort();
  });
  try {
    const engine = await openEngine(task.engine);
    const outcome = await trainSeed(engine, task, {
      clock: systemClock,
      signal: stop.signal,
      onProgress: (progress) => {
        port.postMessage(progress);
      },
    });
    return { kind: 'done', outcome };
  } catch (error) {
    return { kind: 'failed', expected: error instanceof ConsiliumError, message: messageOf(error) };
  } finally {
    const closed = once(port, 'close');
    port.close();
    await closed;
  }
}
