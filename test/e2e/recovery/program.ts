/** The program as its users start it, in a process of its own, and what it says in its log. */
import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { systemClock } from '../../../shared/clock.ts';

const PROGRAM = fileURLToPath(new URL('../../../simulations/cli/consilium.ts', import.meta.url));
const KILL_SWITCH = new URL('./kill-switch.mjs', import.meta.url);

export type LogLine = Readonly<Record<string, unknown>>;

const lineSchema = z.record(z.string(), z.unknown());

function lineOf(text: string): LogLine | undefined {
  try {
    return lineSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** How long anything may take on a busy machine. */
export const DEADLINE_MS = 300_000;

export class Program {
  readonly lines: LogLine[] = [];
  readonly ended: Promise<Ended>;
  readonly #child: ChildProcess;
  readonly #watchers = new Set<() => void>();
  #errors = '';
  #end: Ended | undefined;

  /** `killSwitch`: the query for `kill-switch.mjs`. */
  constructor(args: readonly string[], killSwitch?: Readonly<Record<string, string>>) {
    const url = new URL(KILL_SWITCH);
    for (const [key, value] of Object.entries(killSwitch ?? {})) url.searchParams.set(key, value);
    const imports = ['--import', 'tsx', ...(killSwitch ? ['--import', url.href] : [])];
    this.#child = spawn(process.execPath, [...imports, PROGRAM, ...args, '--json'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let rest = '';
    this.#child.stdout?.on('data', (data: Buffer) => {
      const parts = (rest + data.toString()).split('\n');
      rest = parts.pop() ?? '';
      for (const part of parts) {
        const line = lineOf(part);
        if (line) this.lines.push(line);
      }
      this.#look();
    });
    this.#child.stderr?.on('data', (data: Buffer) => (this.#errors += data.toString()));
    this.ended = new Promise((resolve) => {
      this.#child.once('close', (code, signal) => {
        this.#end = { code, signal };
        this.#look();
        resolve(this.#end);
      });
    });
  }

  get hasEnded(): boolean {
    return this.#end !== undefined;
  }

  /** Rejects when it goes on for too long. */
  ends(): Promise<Ended> {
    return this.until(() => this.#end, 'its end');
  }

  kill(signal: NodeJS.Signals): Promise<Ended> {
    this.#child.kill(signal);
    return this.ended;
  }

  /** Resolves with the first line from number `from` on that matches. Rejects when the program ends before, or in time. */
  said(matches: (line: LogLine) => boolean, what: string, from = 0): Promise<LogLine> {
    return this.until(() => this.lines.slice(from).find(matches), what);
  }

  /** Resolves with what `find` finds, which is asked again whenever the program has said something or has ended. */
  until<T>(find: () => T | undefined, what: string): Promise<T> {
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        cancel();
        this.#watchers.delete(look);
      };
      const fail = (why: string): void => {
        settle();
        const log = this.lines.slice(-30).map((line) => JSON.stringify(line));
        reject(new Error(`${why} ${what}; its log ended with\n${log.join('\n')}\n${this.#errors}`));
      };
      const look = (): void => {
        const found = find();
        if (found !== undefined) {
          settle();
          resolve(found);
        } else if (this.#end) fail('the program ended before');
      };
      const cancel = systemClock.schedule(DEADLINE_MS, () => {
        fail(`${String(DEADLINE_MS)} ms passed without`);
      });
      this.#watchers.add(look);
      look();
    });
  }

  #look(): void {
    for (const look of [...this.#watchers]) look();
  }
}
