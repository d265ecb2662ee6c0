/** Ends the agent of a folder from outside: it finishes its training step, closes its connection and gives the folder back. */
import { systemClock } from '../../shared/clock.ts';
import { holderOf } from '../lock-file.ts';

export type StopOutcome = 'not-running' | 'stopped' | 'still-running';

const LOOK_MS = 50;

/** @param lock `lockOf` the folder. Waits up to `deadlineMs`; nothing is ended by force. */
export async function stopAgent(lock: string, deadlineMs: number): Promise<StopOutcome> {
  const holder = await holderOf(lock);
  if (!holder) return 'not-running';
  process.kill(holder.pid, 'SIGTERM');
  // The other process lives in real time.
  const untilMs = systemClock.elapsedMs() + deadlineMs;
  while (systemClock.elapsedMs() < untilMs) {
    if ((await holderOf(lock))?.pid !== holder.pid) return 'stopped';
    await new Promise<void>((resolve) => {
      systemClock.schedule(LOOK_MS, resolve);
    });
  }
  return 'still-running';
}
