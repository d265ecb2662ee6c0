import { describe, expect, it } from 'vitest';
import { AUTO_CANDIDATES, fastest } from '../../../../shared/learning/engines/choose.ts';
import type { EngineName } from '../../../../shared/learning/engines/engine.ts';
import type { ProbeReport } from '../../../../shared/learning/engines/probe-report.ts';

const working = (name: EngineName, imagesPerSecond: number): ProbeReport => ({
  name,
  available: true,
  device: `${name} device`,
  relativeError: 1e-7,
  imagesPerSecond,
  stepMs: 1,
  batchSize: 32,
  openMs: 1,
});
const missing = (name: EngineName, reason: string): ProbeReport => ({ name, available: false, reason });

describe('auto', () => {
  it('takes the fastest engine that works and keeps all figures', () => {
    const candidates = [
      working('onnx', 4000),
      missing('onnx-cuda', 'no library'),
      working('tensorflow-gpu', 9000),
      working('onnx-wasm', 400),
    ];
    expect(fastest(candidates)).toEqual({
      name: 'tensorflow-gpu',
      device: 'tensorflow-gpu device',
      imagesPerSecond: 9000,
      candidates,
    });
  });

  it('never takes plain JavaScript, not even alone', () => {
    expect(fastest([working('tensorflow-js', 1e6), working('onnx-wasm', 1)]).name).toBe('onnx-wasm');
    expect(() => fastest([working('tensorflow-js', 1e6)])).toThrow('No engine works');
    expect(AUTO_CANDIDATES).not.toContain('tensorflow-js');
    expect(AUTO_CANDIDATES).toContain('onnx');
  });

  it('says for each engine why none works', () => {
    const act = () => fastest([missing('onnx', 'musl'), missing('onnx-wasm', 'no WebAssembly')]);
    expect(act).toThrow(/onnx: musl\nonnx-wasm: no WebAssembly/);
  });
});
