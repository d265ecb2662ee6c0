/** Starts the real program as a child process, as a person would. */
import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const pathOf = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));
const PROGRAM = pathOf('../../../simulations/cli/consilium.ts');
/** Throws in the middle of whatever runs when it gets a message. */
export const CRASHING_PROGRAM = pathOf('./crashing-program.ts');

export interface Ended {
  /** The signal's name where a signal ended the process: an abort shows here. */
  readonly exit: number | NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly child: ChildProcess;
  /** Resolves with the first standard-error text so far that matches; rejects when the process ends before. */
  readonly seen: (pattern: RegExp) => Promise<string>;
  readonly ended: Promise<Ended>;
}

export function startConsilium(args: readonly string[], program = PROGRAM): Running {
  const child = spawn(process.execPath, ['--import', 'tsx', program, ...args], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  let stdout = '';
  let stderr = '';
  const watchers = new Set<() => void>();
  child.stdout?.on('data', (data: Buffer) => (stdout += data.toString()));
  child.stderr?.on('data', (data: Buffer) => {
    stderr += data.toString();
    for (const watcher of watchers) watcher();
  });
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      resolve({ exit: signal ?? code, stdout, stderr });
    });
  });
  const seen = (pattern: RegExp): Promise<string> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (!pattern.test(stderr)) return;
        watchers.delete(look);
        resolve(stderr);
      };
      watchers.add(look);
      look();
      void ended.then(() => {
        reject(new Error(`the program ended without ${String(pattern)}; it wrote:\n${stderr}`));
      });
    });
  return { child, seen, ended };
}

export function runConsilium(...args: readonly string[]): Promise<Ended> {
  return startConsilium(args).ended;
}
