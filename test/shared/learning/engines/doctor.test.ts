import { describe, expect, it } from 'vitest';
import { describeMachine, diagnose } from '../../../../shared/learning/engines/doctor.ts';
import { ENGINE_NAMES } from '../../../../shared/learning/engines/engine.ts';
import type { ProbeReport } from '../../../../shared/learning/engines/probe-report.ts';

const working: ProbeReport = {
  name: 'onnx',
  available: true,
  device: 'CPU',
  relativeError: 1e-7,
  imagesPerSecond: 4000,
  stepMs: 8,
  batchSize: 32,
  openMs: 20,
  blockSize: 16,
};

describe('diagnose', () => {
  it('tries every engine once, in order, and adds what helps to those that do not work', async () => {
    const tried: string[] = [];
    const diagnosis = await diagnose({
      probe: (name) =>
        Promise.resolve(name === 'onnx' ? working : { name, available: false, reason: 'broken' }),
      onEngine: (name) => tried.push(name),
    });
    expect(tried).toEqual(ENGINE_NAMES);
    expect(diagnosis.blockSize).toBe(16);
    expect(diagnosis.engines[0]).toEqual(working);
    const cuda = diagnosis.engines.find(({ name }) => name === 'onnx-cuda');
    expect(cuda).toMatchObject({ available: false, reason: 'broken' });
    expect(cuda?.help).toContain('npm run install:gpu -- --cuda12');
  });

  it('says that blocked kernels are not in use without the engine', async () => {
    const diagnosis = await diagnose({
      names: ['onnx'],
      probe: (name) => Promise.resolve({ name, available: false, reason: 'musl' }),
    });
    expect(diagnosis.blockSize).toBeNull();
  });

  it('describes the machine', async () => {
    const machine = await describeMachine();
    expect(machine.node).toBe(process.versions.node);
    expect(machine.cores).toBeGreaterThan(0);
    expect(machine.memoryBytes).toBeGreaterThan(machine.freeMemoryBytes);
    expect(machine.freeDiskBytes).toBeGreaterThan(0);
  });
});
