/** Opens an engine by name. `auto` stands for the fastest that works on this machine (choose.ts). */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { STANDARD_TARGET } from '../lower/target.ts';
import { chooseEngine } from './choose.ts';
import { readEngineConfig } from './config.ts';
import type { Engine, EngineName } from './engine.ts';
import { openNativeEngine, type NativeProvider } from './onnx-native.ts';
import { openWasmEngine } from './onnx-wasm.ts';
import { selfCheckModel, selfCheckOptions } from './self-check-model.ts';
import { selfCheck } from './self-check.ts';
import { openTensorFlow } from './tensorflow.ts';

/**
 * The CPU engine. Blocked kernels are internal to ONNX Runtime and silently wrong with another block size, so they are
 * used only while they compute what they should; the standard kernels are the way back.
 */
async function openCpu(): Promise<Engine> {
  const engine = await openNativeEngine();
  if (!engine.device.includes('blocked')) return engine;
  const check = await selfCheck(engine);
  return check.passed ? engine : openNativeEngine({ target: STANDARD_TARGET });
}

/** Creates a session at once: only then does an execution provider say that its driver or library is missing. */
async function openProvider(provider: NativeProvider): Promise<Engine> {
  const engine = await openNativeEngine({ provider });
  const compiled = await engine.compile(selfCheckModel(), selfCheckOptions);
  await compiled.dispose();
  return { ...engine, device: await describeDevice(provider, engine.device) };
}

async function describeDevice(provider: NativeProvider, fallback: string): Promise<string> {
  if (provider === 'cuda') {
    try {
      const { stdout } = await promisify(execFile)('nvidia-smi', [
        '--query-gpu=name',
        '--format=csv,noheader',
      ]);
      return `${stdout.trim().split('\n').join(', ')} (CUDA)`;
    } catch {
      return fallback;
    }
  }
  const driver = provider === 'webgpu' ? readEngineConfig().vulkanDriver : undefined;
  return driver?.includes('swiftshader') ? 'CPU, WebGPU in software (SwiftShader)' : fallback;
}

/**
 * @throws EngineError when the engine does not work here; the message is the reason
 */
export async function openEngine(name: EngineName | 'auto'): Promise<Engine> {
  switch (name) {
    case 'auto': {
      const choice = await chooseEngine();
      return openEngine(choice.name);
    }
    case 'onnx':
      return openCpu();
    case 'onnx-webgpu':
      return openProvider('webgpu');
    case 'onnx-cuda':
      return openProvider('cuda');
    case 'onnx-directml':
      return openProvider('dml');
    case 'onnx-coreml':
      return openProvider('coreml');
    case 'onnx-wasm':
      return openWasmEngine();
    case 'tensorflow-gpu':
    case 'tensorflow':
    case 'tensorflow-js':
      return openTensorFlow(name);
  }
}
