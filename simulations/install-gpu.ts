/**
 * `npm run install:gpu`: says what it will download, asks, downloads, and tries the engine in a process of its own. Where
 * that fails, the files are put back as they were and the engines that need no download are tried again.
 */
import { spawn } from 'node:child_process';
import { cp, mkdtemp, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { pathToFileURL } from 'node:url';
import { Command } from 'commander';
import { messageOf } from '../shared/errors.ts';
import type { EngineName } from '../shared/learning/engines/engine.ts';
import { probeEngine } from '../shared/learning/engines/probe-engine.ts';
import type { ProbeReport } from '../shared/learning/engines/probe-report.ts';
import { CUDA_PART, TENSORFLOW_PART, type GpuPart } from './gpu-parts.ts';
import { environmentWith } from './install-gpu-config.ts';

/** Engines that must work whatever happens here. */
const ALWAYS: readonly EngineName[] = ['onnx', 'tensorflow-js'];

export interface InstallDependencies {
  /** Tries an engine in a process of its own. */
  readonly probe: (name: EngineName) => Promise<ProbeReport>;
  readonly confirm: (question: string) => Promise<boolean>;
  readonly write: (line: string) => void;
}

/** Ctrl-C reaches npm as well; this process stays to put the files back. */
const ignoreInterrupt = (): void => undefined;

/** @returns undefined when npm ended well, else why not */
function runNpm(part: GpuPart): Promise<string | undefined> {
  return new Promise<string | undefined>((resolve) => {
    process.on('SIGINT', ignoreInterrupt);
    const child = spawn('npm', part.npmArguments, {
      stdio: ['ignore', 'inherit', 'inherit'],
      env: environmentWith(part.environment),
      shell: process.platform === 'win32', // npm is a command file there
    });
    child.on('error', (error) => {
      resolve(`npm cannot be started: ${messageOf(error)}`);
    });
    child.on('close', (code, signal) => {
      const how = signal === null ? `exit code ${String(code)}` : `signal ${signal}`;
      resolve(code === 0 ? undefined : `npm ${part.npmArguments.join(' ')} ended with ${how}`);
    });
  }).finally(() => {
    process.off('SIGINT', ignoreInterrupt);
  });
}

/** By renaming, so that the package is never missing for longer than a moment. */
async function putBack(backup: string, folder: string): Promise<void> {
  const damaged = `${backup}-damaged`;
  await rename(folder, damaged);
  await rename(backup, folder);
  await rm(damaged, { recursive: true, force: true });
}

/** Runs the download and tries the engine; puts the folder back as it was unless the engine works. */
async function installPart(part: GpuPart, deps: InstallDependencies): Promise<string | undefined> {
  const folder = part.folder();
  const backup = await mkdtemp(join(dirname(folder), '.before-install-gpu-'));
  try {
    await cp(folder, backup, { recursive: true });
    const npmFailure = await runNpm(part);
    const report = npmFailure === undefined ? await deps.probe(part.engine) : undefined;
    if (report?.available === true) {
      deps.write(`${part.engine} works: ${report.device}, ${report.imagesPerSecond.toFixed(0)} images/s.`);
      return undefined;
    }
    await putBack(backup, folder);
    return npmFailure ?? `it was installed, but does not work: ${report?.reason ?? 'unknown reason'}`;
  } finally {
    await rm(backup, { recursive: true, force: true });
  }
}

async function explainFailure(part: GpuPart, reason: string, deps: InstallDependencies): Promise<void> {
  deps.write(`${part.engine} could not be installed: ${reason}.`);
  deps.write('The files are as they were before. Trying the engines that need no download:');
  for (const name of ALWAYS) {
    const report = await deps.probe(name);
    deps.write(
      report.available ? `  ${name} works` : `  ${name} does not work: ${report.reason}; run "npm ci"`,
    );
  }
}

/** @returns the exit code: 0 when the engine works or the user declined, 1 when the installation failed */
export async function installGpu(
  part: GpuPart,
  options: { readonly yes: boolean },
  deps: InstallDependencies,
): Promise<0 | 1> {
  const before = await deps.probe(part.engine);
  if (before.available) {
    deps.write(`${part.engine} works already (${before.device}); nothing is downloaded.`);
    return 0;
  }
  deps.write(part.explanation);
  deps.write(
    `The command is: npm ${part.npmArguments.join(' ')}. It runs the install script of that package.`,
  );
  if (!options.yes && !(await deps.confirm('Download and install it?'))) {
    deps.write('Nothing was changed. Where nobody can answer, add --yes.');
    return 0;
  }
  let failure: string | undefined;
  try {
    failure = await installPart(part, deps);
  } catch (error) {
    failure = messageOf(error);
  }
  if (failure === undefined) return 0;
  await explainFailure(part, failure, deps);
  return 1;
}

/** Without a terminal nobody can answer, which counts as no. */
async function confirm(question: string): Promise<boolean> {
  if (!process.stdin.isTTY) return false;
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return /^y(es)?$/i.test((await terminal.question(`${question} [y/N] `)).trim());
  } finally {
    terminal.close();
  }
}

export function installGpuCommand(): Command {
  return new Command('install:gpu')
    .description('download the native half of an engine for NVIDIA GPUs, and try it')
    .option('--cuda12', 'the CUDA 12 provider of ONNX Runtime instead of TensorFlow')
    .option('--yes', 'do not ask')
    .action(async (options: { cuda12?: boolean; yes?: boolean }) => {
      process.exitCode = await installGpu(
        options.cuda12 === true ? CUDA_PART : TENSORFLOW_PART,
        { yes: options.yes === true },
        { probe: probeEngine, confirm, write: (line) => process.stdout.write(`${line}\n`) },
      );
    });
}

if (process.argv[1] !== undefined && pathToFileURL(process.argv[1]).href === import.meta.url) {
  await installGpuCommand().parseAsync();
}
