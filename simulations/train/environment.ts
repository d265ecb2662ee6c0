/** What figures and weights depend on beside the configuration: versions, engine, device, machine. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { availableParallelism, cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { programFolder, programVersion, readPackage } from '../../shared/program-version.ts';

export interface Environment {
  readonly consilium: string;
  /** Of this program's sources; absent where they are no git checkout. */
  readonly commit?: string;
  readonly node: string;
  readonly platform: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly engine: string;
  readonly device: string;
  /** Of the packages that compute, by name. */
  readonly packages: Readonly<Record<string, string>>;
}

/** Versions of these can change bits of weights or figures. */
const COMPUTING_PACKAGES = ['onnxruntime-node', 'onnxruntime-web', '@tensorflow/tfjs', 'sharp'];

function versionOf(name: string): string {
  return readPackage(join(programFolder(), 'node_modules', name, 'package.json'))?.version ?? 'not found';
}

/** "03b8026… with changes"; undefined outside a checkout of this very program, or without git. */
function commitOf(folder: string): string | undefined {
  if (!existsSync(join(folder, '.git'))) return undefined;
  const git = (...args: string[]): string =>
    execFileSync('git', ['-C', folder, ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  try {
    const changes = git('status', '--porcelain', '--untracked-files=no');
    return `${git('rev-parse', 'HEAD')}${changes === '' ? '' : ' with changes'}`;
  } catch {
    return undefined;
  }
}

export function describeEnvironment(engine: { readonly name: string; readonly device: string }): Environment {
  const commit = commitOf(programFolder());
  return {
    consilium: programVersion(),
    ...(commit !== undefined && { commit }),
    node: process.version,
    platform: `${process.platform} ${process.arch}, kernel ${release()}`,
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    engine: engine.name,
    device: engine.device,
    packages: Object.fromEntries(COMPUTING_PACKAGES.map((name) => [name, versionOf(name)])),
  };
}
