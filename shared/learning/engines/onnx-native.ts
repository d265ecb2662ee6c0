/**
 * ONNX Runtime's native build: the CPU engine `onnx`, and its other execution providers on the same graphs. One thread a
 * session, so that a sum has the same order everywhere; more cores are used by more sessions.
 */
import { createRequire } from 'node:module';
import type { InferenceSession } from 'onnxruntime-common';
import type * as OrtNode from 'onnxruntime-node';
import { EngineError, messageOf } from '../../errors.ts';
import { writeOnnx } from '../graph/onnx-file.ts';
import type { Graph } from '../graph/types.ts';
import { GPU_TARGET, STANDARD_TARGET, type LowerTarget } from '../lower/target.ts';
import type { Engine, EngineName } from './engine.ts';
import { compileOnnx, type OnnxRuntime } from './onnx-session.ts';

type Ort = typeof OrtNode;

export type NativeProvider = 'cpu' | 'webgpu' | 'cuda' | 'dml' | 'coreml';

const NAMES: Readonly<Record<NativeProvider, EngineName>> = {
  cpu: 'onnx',
  webgpu: 'onnx-webgpu',
  cuda: 'onnx-cuda',
  dml: 'onnx-directml',
  coreml: 'onnx-coreml',
};

function loadRuntime(): Ort {
  try {
    // The package is CommonJS with a native part; a failing native part is reported, not a failing import of this file.
    return createRequire(import.meta.url)('onnxruntime-node') as Ort;
  } catch (cause) {
    throw new EngineError(`onnxruntime-node does not load: ${messageOf(cause)}`, { cause });
  }
}

const BASE_OPTIONS: InferenceSession.SessionOptions = {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  executionMode: 'sequential',
  // The graphs are written in the form that runs fastest; optimising them again only makes a session slower to create.
  graphOptimizationLevel: 'disabled',
  logSeverityLevel: 3,
};

function sessionOptions(provider: NativeProvider): InferenceSession.SessionOptions {
  if (provider === 'cpu') return { ...BASE_OPTIONS, executionProviders: ['cpu'] };
  return {
    ...BASE_OPTIONS,
    executionProviders: [provider],
    // A provider that lacks a kernel must say so instead of computing on the CPU unseen.
    extra: { session: { disable_cpu_ep_fallback: '1' } },
  };
}

/** A graph of one ReorderInput: its output has as many channels as a block. */
const PROBE: Graph = {
  name: 'probe',
  inputs: [{ name: 'x', dtype: 'float32', dims: [1, 4, 1, 1] }],
  constants: new Map(),
  nodes: [
    {
      name: 'reorder',
      domain: 'com.microsoft.nchwc',
      op: 'ReorderInput',
      inputs: ['x'],
      outputs: ['y'],
      attributes: {},
    },
  ],
  outputs: [{ name: 'y', dtype: 'float32', dims: [1, 'channels', 1, 1] }],
};

/** Channels in a block of this machine's blocked CPU kernels; undefined where there are none. */
export async function probeBlockSize(): Promise<8 | 16 | undefined> {
  const ort = loadRuntime();
  try {
    const session = await ort.InferenceSession.create(writeOnnx(PROBE), {
      ...BASE_OPTIONS,
      logSeverityLevel: 4,
    });
    const result = await session.run({ x: new ort.Tensor('float32', new Float32Array(4), [1, 4, 1, 1]) });
    await session.release();
    const size = result['y']?.dims[1];
    return size === 8 || size === 16 ? size : undefined;
  } catch {
    return undefined;
  }
}

export interface NativeOptions {
  readonly provider?: NativeProvider;
  /** Overrides the probe: `undefined` asks for standard operators only. CPU only. */
  readonly target?: LowerTarget;
}

async function cpuTarget(): Promise<LowerTarget> {
  const blockSize = await probeBlockSize();
  return blockSize === undefined ? STANDARD_TARGET : { ...STANDARD_TARGET, blockSize };
}

function deviceOf(provider: NativeProvider, target: LowerTarget): string {
  switch (provider) {
    case 'cpu':
      return target.blockSize === undefined
        ? 'CPU, standard kernels'
        : `CPU, blocked kernels of ${String(target.blockSize)} channels`;
    case 'webgpu':
      return 'GPU through WebGPU';
    case 'cuda':
      return 'NVIDIA GPU through CUDA';
    case 'dml':
      return 'GPU through DirectML';
    case 'coreml':
      return 'Apple device through CoreML';
  }
}

const runtimeOf = (ort: Ort, provider: NativeProvider, target: LowerTarget): OnnxRuntime => ({
  Tensor: ort.Tensor,
  target,
  writesInPlace: true,
  create: (bytes) => ort.InferenceSession.create(bytes, sessionOptions(provider)),
});

/** The processor with standard kernels, for graphs that are no training step. @throws EngineError when it does not load. */
export const standardNativeRuntime = (): OnnxRuntime => runtimeOf(loadRuntime(), 'cpu', STANDARD_TARGET);

/** @throws EngineError when the native library does not load or lacks the execution provider. */
export async function openNativeEngine(options: NativeOptions = {}): Promise<Engine> {
  const ort = loadRuntime();
  const provider = options.provider ?? 'cpu';
  const backends = ort.listSupportedBackends().map((backend) => backend.name);
  if (!backends.includes(provider)) {
    throw new EngineError(
      `This build of onnxruntime-node has no "${provider}" (it has: ${backends.join(', ')}).`,
    );
  }
  const target = options.target ?? (provider === 'cpu' ? await cpuTarget() : GPU_TARGET);
  const runtime = runtimeOf(ort, provider, target);
  return {
    name: NAMES[provider],
    device: deviceOf(provider, target),
    compile: (model, compileOptions) => compileOnnx(runtime, model, compileOptions),
  };
}
