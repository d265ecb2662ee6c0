/**
 * Runs a command so that Ctrl-C, a closed terminal and unforeseen errors stop it cleanly: the signal is raised, what
 * trains finishes its step, workers become idle, and only then does the process end, by an empty event loop. Ending it
 * any earlier would abort a native engine in the middle of a step.
 */
import { ConsiliumError, DataError, GraphError, InputError, messageOf } from '../shared/errors.ts';
import { SimulationStopped } from './progress.ts';

const SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

const say = (text: string): void => {
  process.stderr.write(`${text}\n`);
};

/**
 * Input that cannot be used is told apart from what may pass: a database that is not up yet, a full disk, a port that is
 * taken. A service manager tries again after the latter only.
 */
const isUnusableInput = (error: unknown): boolean =>
  error instanceof InputError || error instanceof DataError || error instanceof GraphError;

/** Sets the process's exit code; never rejects. */
export async function runInterruptible(body: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const controller = new AbortController();
  const stopFor = (exitCode: number, reason: string): void => {
    if (controller.signal.aborted) return;
    process.exitCode = exitCode;
    controller.abort();
    say(`${reason}: stopping after the current training step…`);
  };
  const onUncaught = (error: unknown): void => {
    // A terminal that went away makes every write fail; stopping is all that is left to do.
    stopFor(1, messageOf(error));
  };
  const listeners = Object.entries(SIGNALS).map(([name, exitCode]) => {
    const listener = (): void => {
      stopFor(exitCode, name);
    };
    process.on(name, listener);
    return () => process.off(name, listener);
  });
  process.on('uncaughtException', onUncaught);
  try {
    await body(controller.signal);
  } catch (error) {
    process.exitCode ??= isUnusableInput(error) ? 2 : 1;
    if (error instanceof SimulationStopped) say('Stopped.');
    else if (error instanceof ConsiliumError) say(`error: ${error.message}`);
    else say(error instanceof Error && error.stack !== undefined ? error.stack : messageOf(error));
  } finally {
    for (const remove of listeners) remove();
    process.off('uncaughtException', onUncaught);
  }
}
