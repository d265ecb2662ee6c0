import { describe, expect, it } from 'vitest';
import { EngineError } from '../../../../shared/errors.ts';
import { openNativeEngine } from '../../../../shared/learning/engines/onnx-native.ts';
import { selfCheckModel } from '../../../../shared/learning/engines/self-check-model.ts';
import { REFERENCE_LOSS } from '../../../../shared/learning/engines/self-check-reference.ts';
import { relativeError, selfCheck } from '../../../../shared/learning/engines/self-check.ts';
import { STANDARD_TARGET } from '../../../../shared/learning/lower/target.ts';
import { manifestOf } from '../../../../shared/learning/weights.ts';
import { fakeEngine } from './fake-engine.ts';

const entry = (name: string) => {
  const found = manifestOf(selfCheckModel()).entries.find((e) => e.name === name);
  if (found === undefined) throw new Error(`no parameter ${name}`);
  return found;
};

describe('relativeError', () => {
  it('is the length of the difference over the length of the expected vector', () => {
    expect(relativeError(Float32Array.of(3, 4.5), Float32Array.of(3, 4))).toBeCloseTo(0.1, 12);
    expect(relativeError(Float32Array.of(3, 4), Float32Array.of(3, 4))).toBe(0);
  });

  it('is infinite where a value is missing or no number', () => {
    expect(relativeError(Float32Array.of(Number.NaN, 4), Float32Array.of(3, 4))).toBe(Infinity);
    expect(relativeError(Float32Array.of(3), Float32Array.of(3, 4))).toBe(Infinity);
  });
});

describe('selfCheck', () => {
  it('passes the reference values and disposes of the model', async () => {
    const engine = fakeEngine();
    expect(await selfCheck(engine)).toEqual({ passed: true, relativeError: 0 });
    expect(engine.disposed()).toBe(1);
  });

  it('passes the standard operators of ONNX Runtime with five digits to spare', async () => {
    const result = await selfCheck(await openNativeEngine({ target: STANDARD_TARGET }));
    expect(result).toMatchObject({ passed: true });
    expect(result.passed && result.relativeError).toBeLessThan(1e-5);
  });

  it.each(['depthwise.weight', 'norm.shift', 'dense.bias'])('finds one wrong gradient: %s', async (name) => {
    const { offset, length } = entry(name);
    const engine = fakeEngine({
      change: (gradients) => {
        gradients.subarray(offset, offset + length).forEach((value, i) => {
          gradients[offset + i] = value * 1.01;
        });
      },
    });
    const result = await selfCheck(engine);
    expect(result).toMatchObject({ passed: false });
    expect(!result.passed && result.reason).toContain(
      `the gradient of "${name}" has a relative error of 1.0e-2`,
    );
  });

  it('finds a wrong loss and a gradient that is no number', async () => {
    const loss = await selfCheck(fakeEngine({ loss: REFERENCE_LOSS * 1.002 }));
    expect(!loss.passed && loss.reason).toContain('loss has a relative error of 2.0e-3');
    const nan = await selfCheck(fakeEngine({ change: (gradients) => gradients.fill(Number.NaN, 0, 1) }));
    expect(!nan.passed && nan.reason).toContain('"first.weight" has a relative error of Infinity');
  });

  it('fails with the engine’s own reason when it throws, and still disposes', async () => {
    const cause = new Error('no kernel for Conv\nat line 3');
    const engine = fakeEngine({ failure: new EngineError('wrapped', { cause }) });
    expect(await selfCheck(engine)).toEqual({
      passed: false,
      reason: 'self-check failed: no kernel for Conv',
    });
    expect(engine.disposed()).toBe(1);
  });
});
