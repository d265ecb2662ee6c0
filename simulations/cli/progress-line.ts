/**
 * One line on standard error that says how far a command has come. In a terminal it is written over itself; elsewhere, as in
 * a log, a line stands there now and then.
 */
import { systemClock, type Clock } from '../../shared/clock.ts';

export interface ProgressLine {
  show(progress: { readonly done: number; readonly total: number }): void;
  /** A sentence below it. */
  say(text: string): void;
  /** What comes next stands on a line of its own. */
  end(): void;
}

const TERMINAL_MS = 100;
const LOG_MS = 10_000;

export function progressLine(
  stream: Pick<NodeJS.WriteStream, 'write' | 'isTTY'> = process.stderr,
  clock: Pick<Clock, 'elapsedMs'> = systemClock,
): ProgressLine {
  const everyMs = stream.isTTY ? TERMINAL_MS : LOG_MS;
  let shownMs = clock.elapsedMs();
  let isOpen = false;
  return {
    show: ({ done, total }) => {
      const nowMs = clock.elapsedMs();
      if (nowMs - shownMs < everyMs) return;
      shownMs = nowMs;
      const text = `${String(done)} of ${String(total)} images (${String(Math.floor((100 * done) / Math.max(1, total)))} %)`;
      stream.write(stream.isTTY ? `\r${text}` : `${text}\n`);
      isOpen = stream.isTTY;
    },
    say: (text) => {
      stream.write(`${text}\n`);
    },
    end: () => {
      if (isOpen) stream.write('\n');
      isOpen = false;
    },
  };
}
