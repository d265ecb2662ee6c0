/**
 * Runs one of this folder's modules in a process of its own and waits for the one message that it sends. A native
 * library that crashes, hangs or prints takes that process down and nothing else.
 */
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { messageOf } from '../../errors.ts';
import { systemClock } from '../../clock.ts';

export type ChildOutcome =
  | { readonly kind: 'message'; readonly message: unknown }
  /** The process ended without a message; the reason is a sentence for people. */
  | { readonly kind: 'ended'; readonly reason: string };

export interface ChildRequest {
  /** The module's file name in the folder of `base`, without extension. */
  readonly module: string;
  /** `import.meta.url` of a file beside the module. */
  readonly base: string;
  readonly args: readonly string[];
  readonly timeoutMs: number;
  /** Replaces the environment that the process inherits. */
  readonly environment?: NodeJS.ProcessEnv;
}

/** A process that has sent its message may still crash or hang while its native library shuts down. */
const GRACE_MS = 2000;
const KEPT_STDERR_CHARACTERS = 4000;

/** Arguments of `node` that run the module, from sources (through tsx) as well as compiled. */
export function nodeArguments(request: Pick<ChildRequest, 'module' | 'base' | 'args'>): string[] {
  const isSource = request.base.endsWith('.ts');
  const file = fileURLToPath(new URL(`${request.module}${isSource ? '.ts' : '.js'}`, request.base));
  const loader = (): string => pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
  return [...(isSource ? ['--import', loader()] : []), file, ...request.args];
}

function ending(code: number | null, signal: NodeJS.Signals | null, stderr: string): string {
  const how = signal === null ? `exit code ${String(code)}` : `signal ${signal}`;
  const lines = stderr.split('\n').filter((line) => line.trim() !== '');
  const last = lines.find((line) => /error/i.test(line)) ?? lines.at(-1);
  return `its process ended with ${how}${last === undefined ? '' : `: ${last.trim()}`}`;
}

/** Never rejects. */
export function runChildModule(request: ChildRequest): Promise<ChildOutcome> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, nodeArguments(request), {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      ...(request.environment === undefined ? {} : { env: request.environment }),
    });
    let outcome: ChildOutcome | undefined;
    let stderr = '';
    const cancel = systemClock.schedule(request.timeoutMs, () => {
      outcome ??= { kind: 'ended', reason: `no answer within ${String(request.timeoutMs / 1000)} s` };
      child.kill('SIGKILL');
    });
    let cancelGrace = (): void => undefined;
    child.stderr?.on('data', (chunk: Buffer) => {
      stderr = (stderr + chunk.toString()).slice(-KEPT_STDERR_CHARACTERS);
    });
    child.on('message', (message) => {
      outcome = { kind: 'message', message };
      cancelGrace = systemClock.schedule(GRACE_MS, () => child.kill('SIGKILL'));
    });
    const finish = (fallback: () => string): void => {
      cancel();
      cancelGrace();
      resolve(outcome ?? { kind: 'ended', reason: fallback() });
    };
    child.on('error', (error) => {
      finish(() => `its process cannot be started: ${messageOf(error)}`);
    });
    child.on('close', (code, signal) => {
      finish(() => ending(code, signal, stderr));
    });
  });
}
