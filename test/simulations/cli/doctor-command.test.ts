import { describe, expect, it } from 'vitest';
import type { Diagnosis } from '../../../shared/learning/engines/doctor.ts';
import { doctorCommand, renderDiagnosis } from '../../../simulations/cli/doctor-command.ts';

const diagnosis: Diagnosis = {
  machine: {
    node: '20.19.0',
    platform: 'linux 6.1 x64',
    processor: 'A processor',
    cores: 2,
    memoryBytes: 8e9,
    freeMemoryBytes: 4.25e9,
    freeDiskBytes: null,
  },
  engines: [
    {
      name: 'onnx',
      available: true,
      device: 'CPU, blocked kernels of 16 channels',
      relativeError: 2e-7,
      imagesPerSecond: 4321.5,
      stepMs: 7.4,
      batchSize: 32,
      openMs: 30,
      blockSize: 16,
    },
    { name: 'onnx-cuda', available: false, reason: 'no library', help: 'npm run install:gpu -- --cuda12' },
  ],
  blockSize: 16,
};

async function run(args: readonly string[], result: Diagnosis) {
  let output = '';
  let exitCode: number | undefined;
  const command = doctorCommand({
    diagnose: (options) => {
      options?.onEngine?.('onnx');
      return Promise.resolve(result);
    },
    write: (text) => (output += text),
    writeProgress: () => undefined,
    setExitCode: (code) => (exitCode = code),
  });
  await command.parseAsync(['node', 'doctor', ...args]);
  return { output, exitCode };
}

describe('doctor', () => {
  it('prints the table, the reasons and the commands that help', () => {
    const lines = renderDiagnosis(diagnosis).split('\n');
    expect(lines.slice(0, 8)).toEqual([
      'Node 20.19.0 on linux 6.1 x64',
      'A processor, 2 cores',
      'memory 8.0 GB (4.3 GB free), disk unknown free',
      'blocked CPU kernels: in use, 16 channels',
      '',
      'engine     works  images/s  device, or why not',
      'onnx       yes    4322      CPU, blocked kernels of 16 channels',
      'onnx-cuda  no               no library',
    ]);
    expect(lines.at(-1)).toBe('  onnx-cuda: npm run install:gpu -- --cuda12');
  });

  it('exits with 0 when one engine works and with 1 when none does', async () => {
    expect(await run([], diagnosis)).toMatchObject({ exitCode: 0 });
    const none = { ...diagnosis, engines: diagnosis.engines.slice(1), blockSize: null };
    const broken = await run([], none);
    expect(broken.exitCode).toBe(1);
    expect(broken.output).toContain('blocked CPU kernels: not in use');
  });

  it('prints the same as JSON', async () => {
    const { output } = await run(['--json'], diagnosis);
    expect(JSON.parse(output)).toEqual(diagnosis);
  });
});
