/** What this machine can train on: every engine tried, with the reason and the way out where one does not work. */
import { statfs } from 'node:fs/promises';
import { arch, availableParallelism, cpus, freemem, platform, release, totalmem } from 'node:os';
import { ENGINE_HELP } from './engine-help.ts';
import { ENGINE_NAMES, type EngineName } from './engine.ts';
import { probeEngine } from './probe-engine.ts';
import type { ProbeReport } from './probe-report.ts';

export interface MachineDescription {
  readonly node: string;
  readonly platform: string;
  readonly processor: string;
  /** Threads that the operating system lets this process run at once. */
  readonly cores: number;
  readonly memoryBytes: number;
  readonly freeMemoryBytes: number;
  /** Free bytes on the disk of the working folder; null where the system does not say. */
  readonly freeDiskBytes: number | null;
}

export type EngineDiagnosis = ProbeReport & {
  /** What makes the engine available; absent where it is. */ readonly help?: string;
};

export interface Diagnosis {
  readonly machine: MachineDescription;
  readonly engines: readonly EngineDiagnosis[];
  /** Channels in a block of the blocked CPU kernels that `onnx` uses; null: standard kernels, or no `onnx`. */
  readonly blockSize: 8 | 16 | null;
}

async function freeDiskBytes(): Promise<number | null> {
  try {
    const { bavail, bsize } = await statfs('.');
    return bavail * bsize;
  } catch {
    return null;
  }
}

export async function describeMachine(): Promise<MachineDescription> {
  return {
    node: process.versions.node,
    platform: `${platform()} ${release()} ${arch()}`,
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    freeMemoryBytes: freemem(),
    freeDiskBytes: await freeDiskBytes(),
  };
}

export interface DiagnoseOptions {
  readonly names?: readonly EngineName[];
  readonly probe?: (name: EngineName) => Promise<ProbeReport>;
  /** Called before each engine is tried. */
  readonly onEngine?: (name: EngineName) => void;
}

/** Never rejects because of an engine. One engine after the other, so that they do not slow each other down. */
export async function diagnose(options: DiagnoseOptions = {}): Promise<Diagnosis> {
  const { names = ENGINE_NAMES, probe = probeEngine, onEngine } = options;
  const engines: EngineDiagnosis[] = [];
  for (const name of names) {
    onEngine?.(name);
    const report = await probe(name);
    engines.push(report.available ? report : { ...report, help: ENGINE_HELP[name] });
  }
  const cpu = engines.find((engine) => engine.name === 'onnx');
  return {
    machine: await describeMachine(),
    engines,
    blockSize: (cpu?.available === true ? cpu.blockSize : undefined) ?? null,
  };
}
