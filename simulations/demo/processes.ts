/** The demo's processes: each is the program itself, as people start it, and all of them end with the demo. */
import { fork, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Clock } from '../../shared/clock.ts';
import { InputError } from '../../shared/errors.ts';

export interface Member {
  readonly name: string;
  /** Resolves with the first line that begins so. @throws InputError when the process ends before */
  begins(text: string): Promise<string>;
  /** Resolves when the process has ended. */
  readonly ended: Promise<void>;
}

/** A step of training and the closing of a database take less. */
const PATIENCE_MS = 20_000;

export class Members {
  readonly #clock: Pick<Clock, 'schedule'>;
  readonly #say: (name: string, line: string) => void;
  readonly #children = new Map<ChildProcess, Promise<void>>();

  /** `say`: told every line of every process. */
  constructor(clock: Pick<Clock, 'schedule'>, say: (name: string, line: string) => void) {
    this.#clock = clock;
    this.#say = say;
  }

  /** Starts the program with these arguments. */
  start(name: string, args: readonly string[]): Member {
    const isSource = import.meta.url.endsWith('.ts');
    const file = fileURLToPath(new URL(isSource ? './bootstrap.mjs' : './member.js', import.meta.url));
    const child = fork(file, args, { stdio: ['ignore', 'pipe', 'pipe', 'ipc'], execArgv: [] });
    const lines: string[] = [];
    const watchers = new Set<() => void>();
    for (const stream of [child.stdout, child.stderr])
      if (stream)
        createInterface({ input: stream }).on('line', (line) => {
          lines.push(line);
          this.#say(name, line);
          for (const watcher of watchers) watcher();
        });
    const ended = new Promise<void>((resolve) => {
      child.once('close', () => {
        this.#children.delete(child);
        resolve();
      });
    });
    this.#children.set(child, ended);
    const begins = (text: string): Promise<string> =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const line = lines.find((said) => said.startsWith(text));
          if (line === undefined) return;
          watchers.delete(look);
          resolve(line);
        };
        watchers.add(look);
        look();
        void ended.then(() => {
          reject(new InputError(`${name} did not start: ${lines.slice(-3).join(' ') || 'it said nothing'}`));
        });
      });
    return { name, begins, ended };
  }

  /** Ends all of them: as Ctrl-C does, and by force where that takes too long. */
  async stop(): Promise<void> {
    const children = [...this.#children.keys()];
    const ended = Promise.all(this.#children.values());
    for (const child of children) child.kill('SIGTERM');
    const cancel = this.#clock.schedule(PATIENCE_MS, () => {
      for (const child of children) child.kill('SIGKILL');
    });
    await ended;
    cancel();
  }
}
