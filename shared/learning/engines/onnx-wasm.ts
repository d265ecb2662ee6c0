/** ONNX Runtime compiled to WebAssembly: the same training graphs wherever JavaScript runs, on one thread. */
import type { InferenceSession } from 'onnxruntime-common';
import { EngineError, messageOf } from '../../errors.ts';
import { STANDARD_TARGET } from '../lower/target.ts';
import type { Engine } from './engine.ts';
import { compileOnnx, type OnnxRuntime } from './onnx-session.ts';

const SESSION_OPTIONS: InferenceSession.SessionOptions = {
  executionProviders: ['wasm'],
  // The graphs are written in the form that runs fastest; optimising them again made no step shorter.
  graphOptimizationLevel: 'disabled',
  logSeverityLevel: 3,
};

async function importRuntime(): Promise<OnnxRuntime> {
  const ort = await import('onnxruntime-web');
  // More threads add in another order, and hospitals' browsers seldom allow them.
  ort.env.wasm.numThreads = 1;
  return {
    Tensor: ort.Tensor,
    target: STANDARD_TARGET,
    writesInPlace: false,
    create: (bytes) => ort.InferenceSession.create(bytes, SESSION_OPTIONS),
  };
}

/** The runtime alone, for graphs that are no training step. @throws EngineError when the package does not load. */
export async function wasmRuntime(): Promise<OnnxRuntime> {
  try {
    return await importRuntime();
  } catch (cause) {
    throw new EngineError(`onnxruntime-web does not load: ${messageOf(cause)}`, { cause });
  }
}

/** @throws EngineError when the package does not load. */
export async function openWasmEngine(): Promise<Engine> {
  const runtime = await wasmRuntime();
  return {
    name: 'onnx-wasm',
    device: 'CPU, WebAssembly',
    compile: (model, options) => compileOnnx(runtime, model, options),
  };
}
