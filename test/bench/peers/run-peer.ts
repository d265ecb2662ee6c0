/** One run of one peer in a process of its own, watched from outside: all peers are measured the same way. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../../shared/clock.ts';
import { InvariantError } from '../../../shared/errors.ts';
import { inheritedEnvironment } from './config.ts';
import { CAN_WATCH, watchTree, type TreeUse } from './process-tree.ts';
import { EVENT_MARK, eventSchema, stepsOf, type PeerEvent, type Task } from './task.ts';

export interface PeerRun {
  /** From the start of the process until the first round begins. */
  readonly readyMs: number;
  readonly roundsMs: number;
  /** Of all its processes, over the rounds. Undefined where it cannot be measured. */
  readonly cpuMs: number | undefined;
  /** Of all its processes, over the whole run. Undefined where it cannot be measured. */
  readonly peakBytes: number | undefined;
  readonly parameters: number;
  readonly versions: Readonly<Record<string, string>>;
}

/** What was written on standard error last, for the message of a failure. */
const ERROR_CHARACTERS = 2000;

interface Milestone<E extends PeerEvent['event']> {
  readonly event: Extract<PeerEvent, { event: E }>;
  readonly atMs: number;
  readonly use: TreeUse | undefined;
}

/**
 * `command` receives the task as its last argument.
 * @throws InvariantError when it does not reach its end or makes another number of steps than the task has
 */
export async function runPeer(command: readonly [string, ...string[]], task: Task): Promise<PeerRun> {
  const [program, ...rest] = command;
  const startedMs = systemClock.elapsedMs();
  const child = spawn(program, [...rest, JSON.stringify(task)], {
    env: inheritedEnvironment({
      PYTHONPATH: fileURLToPath(new URL('.', import.meta.url)),
      PYTHONDONTWRITEBYTECODE: '1',
      FLWR_TELEMETRY_ENABLED: '0',
      RAY_USAGE_STATS_ENABLED: '0',
    }),
  });
  const watch = CAN_WATCH && child.pid !== undefined ? watchTree(child.pid) : undefined;
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(-ERROR_CHARACTERS);
  });
  const ended = new Promise<void>((resolve) => {
    child.on('close', resolve);
    child.on('error', (error) => {
      errors += error.message;
      resolve();
    });
  });
  let ready: Milestone<'ready'> | undefined;
  let done: Milestone<'done'> | undefined;
  for await (const line of createInterface({ input: child.stdout })) {
    const atMs = systemClock.elapsedMs();
    if (!line.startsWith(EVENT_MARK)) continue;
    const event = eventSchema.parse(JSON.parse(line.slice(EVENT_MARK.length)));
    const use = watch?.use();
    if (event.event === 'ready') ready = { event, atMs, use };
    else done = { event, atMs, use };
  }
  await ended;
  watch?.stop();
  if (!ready || !done) throw new InvariantError(`'${command.join(' ')}' did not reach its end: ${errors}`);
  const expected = stepsOf(task);
  if (done.event.steps !== expected)
    throw new InvariantError(
      `'${command.join(' ')}' made ${String(done.event.steps)} steps, the task has ${String(expected)}`,
    );
  return {
    readyMs: ready.atMs - startedMs,
    roundsMs: done.atMs - ready.atMs,
    cpuMs: done.use && ready.use && done.use.cpuMs - ready.use.cpuMs,
    peakBytes: done.use?.peakBytes,
    parameters: ready.event.parameters,
    versions: done.event.versions,
  };
}
