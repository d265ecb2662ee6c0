import { describe, expect, it, vi } from 'vitest';
import { openEngine } from '../../../../shared/learning/engines/open-engine.ts';
import { selfCheck } from '../../../../shared/learning/engines/self-check.ts';

describe('openEngine', () => {
  it('opens the CPU engine, which passes its self-check', async () => {
    const engine = await openEngine('onnx');
    expect(engine.name).toBe('onnx');
    expect(engine.device).toMatch(/^CPU/);
    expect(await selfCheck(engine)).toMatchObject({ passed: true });
  });

  it.skipIf(process.platform === 'win32')('says what this build of the runtime lacks', async () => {
    await expect(openEngine('onnx-directml')).rejects.toThrow('has no "dml" (it has: cpu');
  });

  it('says why a package does not load', async () => {
    vi.stubEnv('CONSILIUM_TFJS_NODE_GPU', 'no/such/folder');
    await expect(openEngine('tensorflow-gpu')).rejects.toThrow('"tensorflow-gpu" cannot be loaded');
    vi.unstubAllEnvs();
  });
});
