import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Clock } from '../../../../shared/clock.ts';
import { EngineError } from '../../../../shared/errors.ts';
import { reasonOf, shortReason } from '../../../../shared/learning/engines/failure-reason.ts';
import { probeEngine, probeHere } from '../../../../shared/learning/engines/probe-engine.ts';
import { fakeEngine } from './fake-engine.ts';

/** Every look at the clock is 10 ms after the last one. */
function tickingClock(): Clock {
  let now = 0;
  return { nowMs: () => 0, elapsedMs: () => (now += 10), schedule: () => () => undefined };
}

describe('probeHere', () => {
  it('reports device, error and the median step', async () => {
    const report = await probeHere('onnx', () => Promise.resolve(fakeEngine()), tickingClock());
    expect(report).toEqual({
      name: 'onnx',
      available: true,
      device: 'a fake',
      relativeError: 0,
      imagesPerSecond: 3200,
      stepMs: 10,
      batchSize: 32,
      openMs: 10,
    });
  });

  it('measures plain JavaScript on one image', async () => {
    const open = () => Promise.resolve(fakeEngine({ name: 'tensorflow-js' }));
    expect(await probeHere('tensorflow-js', open, tickingClock())).toMatchObject({
      batchSize: 1,
      imagesPerSecond: 100,
    });
  });

  it('gives the reason when the engine does not open or computes nonsense', async () => {
    const cause = new Error('cannot open shared object file\nmore');
    const open = () => Promise.reject(new EngineError('outer', { cause }));
    const missing = { name: 'onnx', available: false, reason: 'cannot open shared object file' };
    expect(await probeHere('onnx', open)).toEqual(missing);
    const wrong = await probeHere('onnx', () => Promise.resolve(fakeEngine({ loss: 5 })));
    expect(wrong).toMatchObject({ available: false });
    expect(!wrong.available && wrong.reason).toContain('self-check failed: loss');
  });
});

describe('probeEngine', () => {
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  it('tries a real engine in a process of its own', async () => {
    const report = await probeEngine('onnx-wasm');
    expect(report).toMatchObject({ name: 'onnx-wasm', available: true, device: 'CPU, WebAssembly' });
    expect(report.available && report.imagesPerSecond).toBeGreaterThan(0);
  }, 60_000);

  it.skipIf(process.platform === 'win32')('knows what a platform cannot have', async () => {
    expect(await probeEngine('onnx-directml')).toEqual({
      name: 'onnx-directml',
      available: false,
      reason: 'exists on Windows only',
    });
  });

  it('reports a native library that aborts as a reason', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'consilium-broken-'));
    try {
      const packageFolder = join(folder, 'node_modules', '@tensorflow', 'tfjs-node-gpu');
      await mkdir(packageFolder, { recursive: true });
      await writeFile(
        join(packageFolder, 'index.js'),
        'console.error("Error: bad binding"); process.abort();',
      );
      vi.stubEnv('CONSILIUM_TFJS_NODE_GPU', folder);
      const report = await probeEngine('tensorflow-gpu');
      expect(report).toMatchObject({ name: 'tensorflow-gpu', available: false });
      expect(!report.available && report.reason).toMatch(/its process ended with .*: Error: bad binding/);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }, 60_000);
});

describe('reasons', () => {
  it('are the first line of the innermost error, without source positions', () => {
    const ort =
      '/onnxruntime_src/core/webgpu_context.cc:136 void f()::<lambda()> x == y was false. No adapter\n';
    expect(shortReason(ort)).toBe('No adapter');
    expect(reasonOf(new EngineError('outer', { cause: new Error('\n inner \nsecond') }))).toBe('inner');
    expect(reasonOf('text')).toBe('text');
    expect(shortReason('')).toBe('no message');
    expect(shortReason('x'.repeat(500))).toHaveLength(241);
  });
});
