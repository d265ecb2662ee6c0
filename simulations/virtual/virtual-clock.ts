/**
 * Simulated time. It stands still while real work (training, evaluation) is going on and jumps to the next timer when
 * there is none, so that deadlines depend on the scenario and never on how fast this machine is.
 */
import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../../shared/clock.ts';
import { InvariantError } from '../../shared/errors.ts';

export interface VirtualClock extends Clock {
  /**
   * A timer for a message on its way. While work is going on it may run although time stands still, if it is due within
   * a moment and nothing else comes before it: sites then work side by side, and what one of them has finished is
   * taken in while the others go on.
   */
  deliver(delayMs: number, action: () => void): void;
  /** Keeps simulated time from moving on until `work` is settled. Returns `work`. */
  track<T>(work: Promise<T>): Promise<T>;
  /** Resolves when no message can be delivered while time stands still, and at the end of `runUntil`. */
  caughtUp(): Promise<void>;
  /**
   * Runs timers in the order of their time, those of equal time in the order of their making, until `done` is settled.
   * @throws InvariantError when nothing is left that could settle it
   */
  runUntil<T>(done: Promise<T>): Promise<T>;
}

/** Far below every deadline of a plan, above the latency of a fast network. */
const MOMENT_MS = 10;

interface Timer {
  readonly atMs: number;
  readonly isDelivery: boolean;
  readonly action: () => void;
}

/** Starts at 0, which is as good as any other time and the same in every run. */
export function createVirtualClock(): VirtualClock {
  const timers: Timer[] = [];
  let nowMs = 0;
  let workCount = 0;
  let isOver = false;
  const behind: (() => void)[] = [];
  let wake: () => void = () => undefined;

  const add = (delayMs: number, action: () => void, isDelivery: boolean): Timer => {
    const timer: Timer = { atMs: nowMs + Math.max(0, delayMs), isDelivery, action };
    const index = timers.findLastIndex((other) => other.atMs <= timer.atMs);
    timers.splice(index + 1, 0, timer);
    return timer;
  };
  const hasCaughtUp = (): void => {
    for (const resolve of behind.splice(0)) resolve();
  };
  /** Runs the next timer if it is a message that time may stand still for. */
  const deliverNow = (): boolean => {
    const [next] = timers;
    if (!next?.isDelivery || next.atMs > nowMs + MOMENT_MS) {
      hasCaughtUp();
      return false;
    }
    timers.shift();
    next.action();
    return true;
  };

  const endWork = (): void => {
    workCount--;
    wake();
  };
  return {
    nowMs: () => nowMs,
    elapsedMs: () => nowMs,
    schedule(delayMs, action) {
      const timer = add(delayMs, action, false);
      return () => {
        const position = timers.indexOf(timer);
        if (position >= 0) timers.splice(position, 1);
      };
    },
    deliver(delayMs, action) {
      add(delayMs, action, true);
    },
    track(work) {
      workCount++;
      work.then(endWork, endWork);
      return work;
    },
    caughtUp() {
      return isOver ? Promise.resolve() : new Promise((resolve) => behind.push(resolve));
    },
    async runUntil(done) {
      const end = { settled: false };
      const settle = (): void => {
        end.settled = true;
        wake();
      };
      done.then(settle, settle);
      for (;;) {
        // A turn of the event loop lets everything that is ready finish before time moves.
        await setImmediate();
        if (end.settled) {
          isOver = true;
          hasCaughtUp();
          return done;
        }
        if (workCount > 0) {
          if (deliverNow()) continue;
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
          continue;
        }
        const timer = timers.shift();
        if (!timer) throw new InvariantError('the simulation waits for something that cannot happen');
        nowMs = timer.atMs;
        timer.action();
      }
    },
  };
}
